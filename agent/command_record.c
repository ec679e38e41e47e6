/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/log.h"
#include "agent/preflight.h"
#include "agent/recording.h"
#include "agent/report.h"
#include "agent/save.h"
#include "agent/target.h"
#include "base/cleanup.h"

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

static int open_output(const struct record_options *options, struct output **ret)
{
	char directory[TARGET_TEXT_SIZE];

	if (options->output)
		return output_open_as(options->output, options->form, ret);
	/* Never into a directory that somebody else has made under the name we would choose. */
	target_directory(options, time(NULL), directory);
	return output_open_new_directory(directory, ret);
}

static void tell_command_end(struct recording *recording)
{
	const struct record_options *options = recording->options;
	int status;

	if (options->target != TARGET_COMMAND)
		return;
	if (launch_finish(&recording->launch, &status))
		log_info("'%s' was still running: sent SIGTERM", options->command[0]);
	else if (WIFSIGNALED(status))
		log_warning("'%s' was ended by signal %d", options->command[0], WTERMSIG(status));
	else if (WEXITSTATUS(status))
		log_warning("'%s' ended with status %d", options->command[0], WEXITSTATUS(status));
}

static void tell_results(const struct report *report, const struct output *output)
{
	report_print(report);
	for (size_t i = 0; output_path(output, i); i++)
		log_info("wrote %s", output_path(output, i));
}

static int seal_and_save(struct recording *recording, const char *target, struct output *output)
{
	CLEANUP(profile_done) struct profile profile = { 0 };
	CLEANUP(report_done) struct report report = { 0 };
	int err = window_close(recording->window, &profile);

	if (err < 0) {
		log_error("cannot read the last samples: %s", strerror(-err));
		return err;
	}
	/* Files are finished even after Ctrl-C, so that none is left half; a pipe may be stuck. */
	if (output_form(output) == OUTPUT_STDOUT)
		loop_release_signals(recording->loop);
	err = report_make(&(struct report_sources){ .options = recording->options,
						    .profile = &profile,
						    .pipeline = &recording->pipeline,
						    .binaries = recording->binaries,
						    .symbolizer = recording->symbolizer,
						    .dwarf = recording->dwarf,
						    .jit = recording->jit,
						    .target = target,
						    .cpu_count = recording->cpus.count },
			  &report);
	if (err < 0)
		log_error("cannot read the counters: %s", strerror(-err));
	if (!err)
		err = save_profile(&profile, &report, recording->options->name_lines, output);
	if (!err)
		tell_results(&report, output);
	return err;
}

int command_record(const struct record_options *options, const struct signals *before)
{
	CLEANUP(cleanup_output) struct output *output = NULL;
	CLEANUP(recording_done) struct recording recording = RECORDING_NONE;
	char target[TARGET_TEXT_SIZE];
	int err;

	log_set_quiet(options->quiet);
	err = preflight_check(options);
	if (err < 0)
		return err == -EINVAL ? 2 : 1;
	target_describe(options, target);
	/* From here on Ctrl-C waits for us, and nothing stays behind. */
	if (recording_begin(options, &recording) < 0)
		return 1;
	if (open_output(options, &output) < 0)
		return 1;
	if (recording_prepare(&recording, before) < 0)
		return 1;
	if (recording_run(&recording) < 0)
		return 1;
	tell_command_end(&recording);
	return seal_and_save(&recording, target, output) < 0 ? 1 : 0;
}
