/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `eprof doctor` finds: one line for each thing that a recording depends on. Checks are rules
 * about facts (agent/doctor_facts.h, agent/doctor_process.h), and look at nothing themselves; the
 * uploads are the exception (agent/doctor_checks_uploads.c).
 */
#ifndef EPROF_AGENT_DOCTOR_H
#define EPROF_AGENT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "agent/doctor_facts.h"
#include "agent/doctor_process.h"

/* In the order of how bad they are. */
enum finding_level {
	FINDING_OK,
	FINDING_NOTE, /* worth to know, and maybe to do; costs no data */
	FINDING_WARN, /* something is missing that costs data */
	FINDING_FAIL, /* nothing can be recorded */
	FINDING_LEVELS
};

#define FINDING_SUBJECT_SIZE 24
#define FINDING_TEXT_SIZE    512

/* Texts may have names of strangers in them: whoever prints sees to what is no text. */
struct finding {
	enum finding_level level;
	char subject[FINDING_SUBJECT_SIZE];
	char found[FINDING_TEXT_SIZE];
	char advice[FINDING_TEXT_SIZE]; /* what to do; "" when all is well */
};

/* Replaces level and found, and leaves the rest. Longer text is cut. */
void finding_set(struct finding *finding, enum finding_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_advise(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The zero value is empty. */
struct findings {
	struct finding *list;
	size_t count, capacity;
};

/* 0 or -ENOMEM. */
int findings_add(struct findings *findings, const struct finding *finding);
void findings_done(struct findings *findings);
enum finding_level findings_worst(const struct findings *findings); /* FINDING_OK of none */

/* Runs every check of the machine. 0 or -ENOMEM. */
int doctor_check_machine(const struct doctor_facts *facts, struct findings *findings);
/* The same of a process, and of what it has mapped. */
int doctor_check_process(const struct doctor_process *process, struct findings *findings);
/*
 * Whether each target of a configuration answers. A file that cannot be read is a finding, too. 0
 * or -ENOMEM.
 */
int doctor_check_uploads(const char *config_file, struct findings *findings);

/* As a table for people, or as JSON; process may be NULL. 0, -EIO or -ENOMEM. */
int doctor_print(FILE *out, const struct findings *findings);
int doctor_print_json(FILE *out, const struct findings *findings,
		      const struct doctor_process *process, int exit_code);

#endif
