/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `eprof agent` is to do: from a file (INI), and from the command line, which has the same
 * keys as --KEY VALUE and comes after the file. Every key has its unit, default and limits in one
 * table (agent_config_keys.c), from which the example file and the help are checked.
 */
#ifndef EPROF_AGENT_AGENT_CONFIG_H
#define EPROF_AGENT_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/log.h"
#include "agent/options.h"
#include "agent/profile_file.h"

#define AGENT_TARGETS_MAX 16
#define AGENT_LABELS_MAX  32
#define AGENT_RULES_MAX   64

enum service_split {
	SPLIT_CGROUP, /* systemd unit, container, pod; processes outside of any go by their comm */
	SPLIT_COMM,
	SPLIT_HOST, /* one profile of all */
};

/* In their order; the first whose pattern (POSIX extended, compiles) is found in the name. */
struct service_rule {
	enum service_rule_kind {
		SERVICE_INCLUDE, /* with any of these, only what one of them matches */
		SERVICE_EXCLUDE,
		SERVICE_RENAME,
	} kind;
	char *pattern;
	char *name; /* of SERVICE_RENAME; \1 to \9 are what its parentheses matched */
};

enum s3_style { S3_PATH, S3_VIRTUAL_HOST };

/* One place that profiles are sent to: a section [upload NAME], or --upload URL. */
struct upload_config {
	char *name; /* of the section; otherwise the URL's scheme and host; none twice */
	char *url;  /* file:///DIR, http(s)://, s3://BUCKET/PREFIX, eprof(s)://,
		       pyroscope+http(s):// */
	bool formats[PROFILE_FORMAT_COUNT]; /* one at least; none that the URL does not take */
	char *key;               /* template of the path below the URL; NULL: the default */
	char *endpoint, *region; /* s3; NULL: AWS's, us-east-1 */
	enum s3_style style;
	char *credentials_file; /* s3: INI as ~/.aws/credentials; NULL: the environment */
	char *ca_file, *client_cert, *client_key; /* PEM; NULL: the system's; none */
	char *user_file;                          /* one line NAME:PASSWORD; NULL: none */
	char *token_file;                         /* one line; NULL: none */
	char *tenant;                             /* X-Scope-OrgID; NULL: none */
	uint64_t timeout_s;
};

struct agent_config {
	struct record_options record; /* what is sampled; strings are this config's */
	uint64_t window_s;
	enum service_split split;
	uint64_t services_max; /* the rest is "other" */
	struct service_rule rules[AGENT_RULES_MAX];
	size_t rule_count;
	struct profile_label labels[AGENT_LABELS_MAX];
	size_t label_count;
	char *host; /* NULL: the machine's name */
	struct upload_config targets[AGENT_TARGETS_MAX];
	size_t target_count;
	char *spool_dir;
	uint64_t spool_bytes; /* of each target */
	uint64_t spool_age_s;
	char *user;         /* name, UID or UID:GID; NULL: not given */
	double max_cpu;     /* percent of one CPU; 0: no budget */
	char *metrics_file; /* NULL: none */
	char *socket;       /* of --status */
	enum log_level log_level;
};

/*
 * Reads the file and the words over it; what is left out has its default. Each mistake is one line
 * on stderr, with file and line or the option's name; all are told, up to a limit. 0 and the
 * caller's *ret, or -EINVAL (a mistake), -ENOMEM or the -errno of the file. SIGHUP calls it again.
 */
int agent_config_read(const struct agent_options *options, struct agent_config **ret);
void agent_config_free(struct agent_config *config); /* NULL is fine */

#endif
