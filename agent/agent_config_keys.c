/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all keys, and how one is found by what somebody typed. */
#include <assert.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"

#define IN_CONFIG(member) offsetof(struct agent_config, member)
#define IN_TARGET(member) offsetof(struct upload_config, member)
#define AS_TEXT_(number)  #number
#define AS_TEXT(number)   AS_TEXT_(number)

#define SCHEMES_HTTP      (1u << SCHEME_HTTP | 1u << SCHEME_HTTPS)
#define SCHEMES_S3        (1u << SCHEME_S3)
#define SCHEMES_EPROF     (1u << SCHEME_EPROF | 1u << SCHEME_EPROFS)
#define SCHEMES_PYROSCOPE (1u << SCHEME_PYROSCOPE_HTTP | 1u << SCHEME_PYROSCOPE_HTTPS)
#define SCHEMES_NETWORK   (SCHEMES_HTTP | SCHEMES_S3 | SCHEMES_EPROF | SCHEMES_PYROSCOPE)
/* An endpoint of s3:// has TLS or not. */
#define SCHEMES_TLS                                                                                \
	(1u << SCHEME_HTTPS | SCHEMES_S3 | 1u << SCHEME_EPROFS | 1u << SCHEME_PYROSCOPE_HTTPS)
#define SCHEMES_LOGIN (SCHEMES_HTTP | SCHEMES_EPROF | SCHEMES_PYROSCOPE)
#define SCHEMES_PATHS (1u << SCHEME_FILE | SCHEMES_HTTP | SCHEMES_S3)
#define SCHEMES_ALL   ((1u << SCHEME_COUNT) - 1)

#define MEBIBYTE (UINT64_C(1) << 20)
#define GIBIBYTE (UINT64_C(1) << 30)
#define HOUR_S   UINT64_C(3600)
#define DAY_S    (24 * HOUR_S)

/*
 * Of unwind-memory. A machine with 160 binaries, compilers among them, has 20 MiB of tables; the
 * agent's unit has to have room for all of it, which the default of `eprof record` would not leave.
 */
#define UNWIND_MEMORY_DEFAULT "64M"

/* A directory of 1,000 services and two kinds each minute is what a disk still likes. */
#define SERVICES_CAP 1000

static const struct config_key keys[] = {
	{ SECTION_AGENT, ABOUT_ALL, "window", "TIME", "60s", "a time from 1s to 1h",
	  "How long each profile is", .set = config_set_time, .offset = IN_CONFIG(window_s),
	  .min = 1, .max = HOUR_S },
	{ SECTION_AGENT, ABOUT_ALL, "kinds", "LIST", "on-cpu,off-cpu",
	  "a list of on-cpu and off-cpu", "Which time is measured", .set = config_set_kinds,
	  .offset = IN_CONFIG(record) },
	{ SECTION_AGENT, ABOUT_ON_CPU, "frequency", "HZ", AS_TEXT(SAMPLE_HZ_DEFAULT),
	  "a whole number from 1 to 1000000", "Samples per second and CPU",
	  .set = config_set_number, .offset = IN_CONFIG(record.sample_hz), .min = 1,
	  .max = SAMPLE_HZ_MAX },
	{ SECTION_AGENT, ABOUT_ALL, "pids", "PID[,PID...]", NULL,
	  "a list of up to 1024 process ids", "Only these processes (without it: all)",
	  .set = config_set_pids, .offset = IN_CONFIG(record) },
	{ SECTION_AGENT, ABOUT_ALL, "cgroup", "PATH", NULL, "the path of a directory",
	  "Only this cgroup v2, absolute or below its mount (without it: all)",
	  .set = config_set_path, .offset = IN_CONFIG(record.cgroup) },
	{ SECTION_AGENT, ABOUT_ALL, "cpu", "CPU", NULL, "the number of one CPU",
	  "Only this CPU (without it: all), and then no off-CPU time, which is no CPU's",
	  .set = config_set_cpu, .offset = IN_CONFIG(record.cpu) },
	{ SECTION_AGENT, ABOUT_ALL, "user-only", "YES|NO", "no", "yes or no", "User stacks only",
	  .set = config_set_flag, .offset = IN_CONFIG(record.user_only) },
	{ SECTION_AGENT, ABOUT_ALL, "kernel-only", "YES|NO", "no", "yes or no",
	  "Kernel stacks only", .set = config_set_flag, .offset = IN_CONFIG(record.kernel_only) },
	{ SECTION_AGENT, ABOUT_ON_CPU, "idle", "YES|NO", "no", "yes or no",
	  "Count the idle task, too", .set = config_set_flag,
	  .offset = IN_CONFIG(record.with_idle) },
	{ SECTION_AGENT, ABOUT_OFF_CPU, "min-block", "TIME", "0",
	  "a time from 0 (bare: microseconds) to 3650d",
	  "Leave out intervals off a CPU that are shorter", .set = config_set_microseconds,
	  .offset = IN_CONFIG(record.min_block_us), .min = 0, .max = BLOCK_US_MAX },
	{ SECTION_AGENT, ABOUT_OFF_CPU, "max-block", "TIME", NULL,
	  "a time from 1 (bare: microseconds) to 3650d",
	  "Leave out intervals off a CPU that are longer (without it: none)",
	  .set = config_set_microseconds, .offset = IN_CONFIG(record.max_block_us), .min = 1,
	  .max = BLOCK_US_MAX },
	{ SECTION_AGENT, ABOUT_OFF_CPU, "max-events", "N", AS_TEXT(MAX_EVENTS_DEFAULT),
	  "a whole number from 0 to 1000000000",
	  "Above so many switches per second and CPU, weigh short intervals off a CPU by sampling "
	  "them; 0 is never",
	  .set = config_set_number, .offset = IN_CONFIG(record.max_events), .min = 0,
	  .max = MAX_EVENTS_MAX },
	{ SECTION_AGENT, ABOUT_OFF_CPU, "preempt-sample", "TIME", "50ms",
	  "a time from 0 (bare: microseconds) to 1s",
	  "Sample the stacks of threads that are preempted, one for so much time that each of them "
	  "waits; 0 takes all",
	  .set = config_set_microseconds, .offset = IN_CONFIG(record.preempt_sample_us), .min = 0,
	  .max = PREEMPT_SAMPLE_US_MAX },
	{ SECTION_AGENT, ABOUT_OFF_CPU, "kernel-threads", "YES|NO", "no", "yes or no",
	  "Off-CPU time of the kernel's own threads, too", .set = config_set_flag,
	  .offset = IN_CONFIG(record.kernel_threads) },
	{ SECTION_AGENT, ABOUT_ALL, "unwind", "HOW", "auto", "one of auto, fp, none",
	  "Walk user stacks by unwind tables and frame pointers (auto), by frame pointers only "
	  "(fp), or not at all (none)",
	  .set = config_set_unwind, .offset = IN_CONFIG(record.unwind) },
	{ SECTION_AGENT, ABOUT_ALL, "unwind-memory", "SIZE", UNWIND_MEMORY_DEFAULT,
	  "a size from 1M to 4G", "Keep unwind tables within this much kernel memory",
	  .set = config_set_size, .offset = IN_CONFIG(record.unwind_bytes),
	  .min = UNWIND_MIB_MIN * MEBIBYTE, .max = UNWIND_MIB_MAX * MEBIBYTE },
	{ SECTION_AGENT, ABOUT_ALL, "split", "HOW", "cgroup", "one of cgroup, comm, host",
	  "What has a profile of its own: each unit, container or pod (cgroup), each program by "
	  "its name (comm), or only the whole machine (host)",
	  .set = config_set_split, .offset = IN_CONFIG(split) },
	{ SECTION_AGENT, ABOUT_ALL, "max-services", "N", "100", "a whole number from 1 to 1000",
	  "So many profiles of a kind per window; the rest are in one, \"other\"",
	  .set = config_set_number, .offset = IN_CONFIG(services_max), .min = 1,
	  .max = SERVICES_CAP },
	{ SECTION_AGENT, ABOUT_ALL, "host", "NAME", NULL,
	  "text of up to 255 bytes, without slashes",
	  "What this machine is called in profiles (without it: the name it has)",
	  .set = config_set_text, .offset = IN_CONFIG(host) },
	{ SECTION_AGENT, ABOUT_ALL, "spool-dir", "DIR", "/var/spool/eprof",
	  "the path of a directory", "Where profiles wait until they are sent",
	  .set = config_set_path, .offset = IN_CONFIG(spool_dir) },
	{ SECTION_AGENT, ABOUT_ALL, "spool-bytes", "SIZE", "1G", "a size from 1M to 16T",
	  "Above so much for a target, its oldest profiles go", .set = config_set_size,
	  .offset = IN_CONFIG(spool_bytes), .min = MEBIBYTE, .max = 16 * 1024 * GIBIBYTE },
	{ SECTION_AGENT, ABOUT_ALL, "spool-age", "TIME", "72h", "a time from 1m to 365d",
	  "Profiles that could not be sent for so long go", .set = config_set_time,
	  .offset = IN_CONFIG(spool_age_s), .min = 60, .max = 365 * DAY_S },
	{ SECTION_AGENT, ABOUT_ALL, "user", "NAME|UID[:GID]", NULL,
	  "a user's name, a UID or UID:GID",
	  "Who to run as, when root starts it (without it: eprof, or nobody where there is no such "
	  "user)",
	  .set = config_set_user, .offset = IN_CONFIG(user) },
	{ SECTION_AGENT, ABOUT_ALL, "max-cpu", "PERCENT", "0", "a percentage from 0 to 10000",
	  "Above so much of one CPU, take fewer samples; 0 is without limit",
	  .set = config_set_percent, .offset = IN_CONFIG(max_cpu), .min = 0, .max = 10000 },
	{ SECTION_AGENT, ABOUT_ALL, "metrics-file", "FILE", NULL, "the path of a file",
	  "Write figures for Prometheus there after each window (without it: nowhere)",
	  .set = config_set_path, .offset = IN_CONFIG(metrics_file) },
	{ SECTION_AGENT, ABOUT_ALL, "socket", "PATH", "/run/eprof/agent.sock",
	  "the path of a socket, of up to 107 bytes", "Where --status is answered",
	  .set = config_set_socket, .offset = IN_CONFIG(socket) },
	{ SECTION_AGENT, ABOUT_ALL, "log-level", "LEVEL", "info",
	  "one of error, warning, info, debug", "What is said on stderr",
	  .set = config_set_log_level, .offset = IN_CONFIG(log_level) },

	{ SECTION_SERVICES, ABOUT_ALL, "include", "REGEX", NULL,
	  "a POSIX extended regular expression of up to 1024 bytes",
	  "With any of these, only services whose names one of them matches",
	  .set = config_set_include, .repeats = true },
	{ SECTION_SERVICES, ABOUT_ALL, "exclude", "REGEX", NULL,
	  "a POSIX extended regular expression of up to 1024 bytes",
	  "Leave out services whose names match", .set = config_set_exclude, .repeats = true },
	{ SECTION_SERVICES, ABOUT_ALL, "rename", "RULE", NULL,
	  "a rule REGEX -> NAME, where \\1 to \\9 are what parentheses matched",
	  "Services whose names match get this one", .set = config_set_rename, .repeats = true },

	{ SECTION_LABELS, ABOUT_ALL, "label", "NAME=VALUE", NULL,
	  "a name of letters, digits and '_', and UTF-8 of up to 255 bytes",
	  "Say this of every profile", .set = config_set_label_word, .repeats = true },

	{ SECTION_UPLOAD, ABOUT_ALL, "upload", "URL", NULL,
	  "a URL of up to 2048 bytes, without a name and password",
	  "Send profiles there: file:///DIR, http(s)://HOST/PATH, s3://BUCKET/PREFIX, "
	  "eprof(s)://HOST or pyroscope+http(s)://HOST; options below that follow are about it",
	  .set = config_set_url, .offset = IN_TARGET(url), .repeats = true,
	  .schemes = SCHEMES_ALL },
	{ SECTION_UPLOAD, ABOUT_ALL, "formats", "LIST", NULL, "a list of svg, folded, pprof, html",
	  "What is sent (without it: svg, and to eprof:// and pyroscope+http:// pprof, which is "
	  "all that these take)",
	  .set = config_set_formats, .offset = IN_TARGET(formats), .schemes = SCHEMES_ALL },
	{ SECTION_UPLOAD, ABOUT_ALL, "key", "TEMPLATE", NULL,
	  "a path with the words {service} {host} {kind} {format} {start} {end} {yyyy} {mm} {dd} "
	  "{HH} {MM} {SS} {unix} {id} {ext} {label.NAME}",
	  "Path below the URL (without it: "
	  "{service}/{yyyy}/{mm}/{dd}/{host}-{start}-{kind}{ext}). Files of one path take each "
	  "other's place: {start} or {id} keeps them apart",
	  .set = config_set_template, .offset = IN_TARGET(key), .schemes = SCHEMES_PATHS },
	{ SECTION_UPLOAD, ABOUT_ALL, "endpoint", "URL", NULL, "a URL http(s)://HOST[:PORT]",
	  "Where the S3 service is (without it: AWS's, of the region)", .set = config_set_endpoint,
	  .offset = IN_TARGET(endpoint), .schemes = SCHEMES_S3 },
	{ SECTION_UPLOAD, ABOUT_ALL, "region", "NAME", NULL,
	  "text of up to 255 bytes, without slashes", "Region of S3 (without it: us-east-1)",
	  .set = config_set_text, .offset = IN_TARGET(region), .schemes = SCHEMES_S3 },
	{ SECTION_UPLOAD, ABOUT_ALL, "style", "STYLE", "path", "one of path, virtual-host",
	  "Where the bucket stands in URLs of S3", .set = config_set_style,
	  .offset = IN_TARGET(style), .schemes = SCHEMES_S3 },
	{ SECTION_UPLOAD, ABOUT_ALL, "credentials-file", "FILE", NULL,
	  "a file that others may not read",
	  "Keys of S3, as in ~/.aws/credentials (without it: by the environment)",
	  .set = config_set_secret_file, .offset = IN_TARGET(credentials_file),
	  .schemes = SCHEMES_S3 },
	{ SECTION_UPLOAD, ABOUT_ALL, "ca-file", "FILE", NULL, "a file",
	  "PEM file of who signs the server's certificate (without it: the system's)",
	  .set = config_set_public_file, .offset = IN_TARGET(ca_file), .schemes = SCHEMES_TLS },
	{ SECTION_UPLOAD, ABOUT_ALL, "client-cert", "FILE", NULL, "a file",
	  "PEM file of the certificate to show to the server (without it: none)",
	  .set = config_set_public_file, .offset = IN_TARGET(client_cert), .schemes = SCHEMES_TLS },
	{ SECTION_UPLOAD, ABOUT_ALL, "client-key", "FILE", NULL, "a file that others may not read",
	  "PEM file of its key (without it: none)", .set = config_set_secret_file,
	  .offset = IN_TARGET(client_key), .schemes = SCHEMES_TLS },
	{ SECTION_UPLOAD, ABOUT_ALL, "user-file", "FILE", NULL, "a file that others may not read",
	  "Its line is NAME:PASSWORD, for basic authentication (without it: none)",
	  .set = config_set_secret_file, .offset = IN_TARGET(user_file), .schemes = SCHEMES_LOGIN },
	{ SECTION_UPLOAD, ABOUT_ALL, "token-file", "FILE", NULL, "a file that others may not read",
	  "Its line is a bearer token (without it: none)", .set = config_set_secret_file,
	  .offset = IN_TARGET(token_file), .schemes = SCHEMES_LOGIN },
	{ SECTION_UPLOAD, ABOUT_ALL, "tenant", "NAME", NULL,
	  "text of up to 255 bytes, without slashes", "Tenant, as X-Scope-OrgID (without it: none)",
	  .set = config_set_text, .offset = IN_TARGET(tenant), .schemes = SCHEMES_PYROSCOPE },
	{ SECTION_UPLOAD, ABOUT_ALL, "timeout", "TIME", "30s", "a time from 1s to 1h",
	  "How long one attempt may take", .set = config_set_time, .offset = IN_TARGET(timeout_s),
	  .min = 1, .max = HOUR_S, .schemes = SCHEMES_NETWORK },
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= CONFIG_KEYS_MAX, "each key has a place in struct config_given");

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = KEY_COUNT;
	return keys;
}

size_t config_key_number(const struct config_key *key)
{
	assert(key >= keys && key < keys + KEY_COUNT);
	return (size_t)(key - keys);
}

const char *config_section_name(enum config_section section)
{
	static const char *const names[SECTION_COUNT] = {
		[SECTION_AGENT] = "[agent]",
		[SECTION_SERVICES] = "[services]",
		[SECTION_LABELS] = "[labels]",
		[SECTION_UPLOAD] = "[upload NAME]",
	};

	return names[section];
}

static bool is_of(const struct config_key *key, enum config_section section)
{
	return section == SECTION_COUNT || key->section == section;
}

const struct config_key *config_key_find(enum config_section section, const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (is_of(&keys[i], section) && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are to be changed, added or left out to make b of a. */
static size_t distance(const char *a, const char *b)
{
	size_t costs[CONFIG_NAME_MAX + 1];
	size_t length = strlen(b);

	assert(length <= CONFIG_NAME_MAX);
	for (size_t j = 0; j <= length; j++)
		costs[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = costs[0];

		costs[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t replaced = diagonal + (a[i] != b[j]);

			diagonal = costs[j + 1];
			costs[j + 1] = smaller(replaced, smaller(costs[j], diagonal) + 1);
		}
	}
	return costs[length];
}

const struct config_key *config_key_like(enum config_section section, const char *name)
{
	const struct config_key *best = NULL;
	size_t best_distance = 0, length = strlen(name);

	if (length > CONFIG_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		size_t cost;

		if (!is_of(&keys[i], section))
			continue;
		cost = distance(name, keys[i].name);
		/* Of what has little in common with it nobody thought. */
		if (cost * 3 > length || (best && cost >= best_distance))
			continue;
		best = &keys[i];
		best_distance = cost;
	}
	return best;
}
