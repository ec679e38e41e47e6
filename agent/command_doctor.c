/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/doctor.h"
#include "agent/log.h"
#include "base/cleanup.h"

/* 2 is wrong usage, as it is of every command. */
static const int exit_codes[FINDING_LEVELS] = {
	[FINDING_OK] = 0,
	[FINDING_NOTE] = 0,
	[FINDING_WARN] = 1,
	[FINDING_FAIL] = 3,
};

static int look(const struct doctor_options *options, struct doctor_process *process,
		struct findings *findings)
{
	CLEANUP(cleanup_free) struct doctor_facts *facts = malloc(sizeof(*facts));
	int err = facts ? doctor_facts_read(facts) : -ENOMEM;

	if (!err)
		err = doctor_check_machine(facts, findings);
	if (!err && options->pid)
		err = doctor_process_read(options->pid, process);
	if (!err && options->pid)
		err = doctor_check_process(process, findings);
	if (!err && options->config_file)
		err = doctor_check_uploads(options->config_file, findings);
	return err;
}

int command_doctor(const struct doctor_options *options)
{
	CLEANUP(doctor_process_done) struct doctor_process process = { 0 };
	CLEANUP(findings_done) struct findings findings = { 0 };
	int err = look(options, &process, &findings), code;

	if (err < 0) {
		log_error("cannot look at this machine: %s", strerror(-err));
		return 1;
	}
	code = exit_codes[findings_worst(&findings)];
	err = options->json
		      ? doctor_print_json(stdout, &findings, options->pid ? &process : NULL, code)
		      : doctor_print(stdout, &findings);
	if (!err && (fflush(stdout) != 0 || ferror(stdout)))
		err = -EIO;
	if (err < 0) {
		log_error("cannot write to stdout");
		return 1;
	}
	return code;
}
