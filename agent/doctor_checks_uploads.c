/* SPDX-License-Identifier: Apache-2.0 */
/* The part of doctor.h that asks the targets of uploads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agent_config.h"
#include "agent/doctor.h"
#include "agent/options.h"
#include "agent/upload_send.h"
#include "base/cleanup.h"

/* A window of a large machine, sent late to one target, has some megabytes. */
#define SPOOL_FREE_MIN (UINT64_C(100) << 20)

static void cleanup_config(struct agent_config **config)
{
	agent_config_free(*config);
}

static void cleanup_sender(struct upload_sender **sender)
{
	upload_sender_free(*sender);
}

static void check_target(const struct upload_config *target, struct finding *ret)
{
	CLEANUP(cleanup_sender) struct upload_sender *sender = NULL;
	struct upload_result result = { 0 };

	if (upload_sender_new(target, &sender) < 0) {
		finding_set(ret, FINDING_WARN, "%s: its configuration makes no sense",
			    target->name);
		finding_advise(ret, "see the message on stderr");
		return;
	}
	upload_probe(sender, &result);
	if (result.outcome == UPLOAD_SENT) {
		finding_set(ret, FINDING_OK, "%s answers", target->name);
		return;
	}
	finding_set(ret, FINDING_WARN, "%s: %.300s", target->name, result.text);
	finding_advise(ret, result.outcome == UPLOAD_REFUSED
				    ? "check its address and credentials"
				    : "check that it is up and can be reached from here");
}

static int check_targets(const struct agent_config *config, struct findings *findings)
{
	for (size_t i = 0; i < config->target_count; i++) {
		struct finding finding = { .subject = "upload" };
		int err;

		check_target(&config->targets[i], &finding);
		err = findings_add(findings, &finding);
		if (err < 0)
			return err;
	}
	return 0;
}

static int check_spool(const char *directory, struct findings *findings)
{
	struct finding finding = { .subject = "spool" };
	struct statvfs fs;

	if (statvfs(directory, &fs) < 0 || access(directory, W_OK | X_OK) < 0) {
		finding_set(&finding, FINDING_WARN, "'%s': %s", directory, strerror(errno));
		finding_advise(&finding, "make it, owned by the user of the agent");
	} else {
		uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;

		finding_set(&finding, FINDING_OK, "'%s', %ju MiB free", directory,
			    (uintmax_t)room >> 20);
		if (room < SPOOL_FREE_MIN) {
			finding.level = FINDING_WARN;
			finding_advise(&finding, "make room");
		}
	}
	return findings_add(findings, &finding);
}

int doctor_check_uploads(const char *config_file, struct findings *findings)
{
	char *words[] = { NULL };
	const struct agent_options options = {
		.action = AGENT_CHECK_CONFIG,
		.config_file = config_file,
		.words = words,
	};
	CLEANUP(cleanup_config) struct agent_config *config = NULL;
	struct finding finding = { .subject = "configuration" };
	int err = agent_config_read(&options, &config);

	if (err == -ENOMEM)
		return err;
	if (err < 0) {
		finding_set(&finding, FINDING_WARN, "'%s': %s", config_file,
			    err == -EINVAL ? "mistakes, listed on stderr" : strerror(-err));
		finding_advise(&finding, "correct it");
		return findings_add(findings, &finding);
	}
	finding_set(&finding, FINDING_OK, "'%s', %zu target%s", config_file, config->target_count,
		    config->target_count == 1 ? "" : "s");
	err = findings_add(findings, &finding);
	if (!err && config->spool_dir)
		err = check_spool(config->spool_dir, findings);
	return err < 0 ? err : check_targets(config, findings);
}
