/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status in Prometheus' text format 0.0.4: one family after the other, each with its HELP and
 * TYPE, and in base units. Times are told as time stamps, whose age is the reader's to compute: the
 * file may be old when it is read. What never was has no line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_status.h"
#include "agent/agent_status_parts.h"
#include "agent/sampler.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum form {
	COUNT,         /* uint64_t */
	TIME,          /* uint64_t; 0 is left out */
	NANOSECONDS,   /* uint64_t, told in seconds */
	NANOSECONDS_0, /* the same; 0 is left out */
	SECONDS,       /* double */
	CODE,          /* long; 0 is left out */
};

/* A line, or one for each target. Lines of one family stand together: the first has its help. */
struct row {
	const char *name, *type, *help;
	const char *label; /* NAME="VALUE"; NULL: none */
	size_t offset;
	enum form form;
};

#define AT(member)        offsetof(struct agent_status, member)
#define AT_TARGET(member) offsetof(struct agent_target_status, member)

static const struct row agent_rows[] = {
	{ "eprof_start_time_seconds", "gauge", "When the agent began, UNIX time.", NULL,
	  AT(began_unix_s), TIME },
	{ "eprof_windows_total", "counter", "Windows of time that were sampled and sealed.", NULL,
	  AT(windows), COUNT },
	{ "eprof_windows_failed_total", "counter", "Windows whose profiles could not be written.",
	  NULL, AT(windows_failed), COUNT },
	{ "eprof_last_window_timestamp_seconds", "gauge", "When the last window was sealed.", NULL,
	  AT(last_window_unix_s), TIME },
	{ "eprof_window_seconds", "gauge", "How long a window is.", NULL, AT(window_s), COUNT },
	{ "eprof_sample_rate_hertz", "gauge", "Samples per second and CPU, now.", NULL,
	  AT(sample_hz), COUNT },
	{ "eprof_sample_rate_asked_hertz", "gauge",
	  "The rate that was asked for; it is lowered where it costs more than max-cpu.", NULL,
	  AT(asked_hz), COUNT },
	{ "eprof_samples_total", "counter", "Samples that are in profiles.", NULL, AT(samples),
	  COUNT },
	{ "eprof_samples_complete_total", "counter", "Those whose stacks reach their entry.", NULL,
	  AT(complete_samples), COUNT },
	{ "eprof_off_cpu_seconds_total", "counter", "Time off a CPU that is in profiles.", NULL,
	  AT(off_cpu_ns), NANOSECONDS },
	{ "eprof_spool_put_files_total", "counter", "Profiles that were put into the spool.", NULL,
	  AT(files_put), COUNT },
	{ "eprof_spool_put_failures_total", "counter", "Profiles that could not be put there.",
	  NULL, AT(files_failed), COUNT },
	{ "eprof_services", "gauge", "Services that are known now.", NULL, AT(services.known),
	  COUNT },
	{ "eprof_service_samples_total", "counter", "Samples that are not in a service's profile.",
	  "place=\"other\"", AT(services.other_samples), COUNT },
	{ "eprof_service_samples_total", NULL, NULL, "place=\"excluded\"",
	  AT(services.excluded_samples), COUNT },
	{ "eprof_service_samples_total", NULL, NULL, "place=\"by_command\"",
	  AT(services.without_cgroup), COUNT },
	{ "eprof_cpu_seconds_total", "counter", "CPU time that eprof used.", "process=\"agent\"",
	  AT(cpu_seconds), SECONDS },
	{ "eprof_cpu_seconds_total", NULL, NULL, "process=\"uploader\"", AT(uploader_cpu_seconds),
	  SECONDS },
	{ "eprof_bpf_seconds_total", "counter",
	  "CPU time of eprof's programs at samples and switches.", NULL, AT(bpf_ns),
	  NANOSECONDS_0 },
	{ "eprof_window_naming_seconds", "gauge", "CPU time to name the last window's stacks.",
	  NULL, AT(name_seconds), SECONDS },
	{ "eprof_window_writing_seconds", "gauge", "Time to draw and spool the last window.", NULL,
	  AT(write_seconds), SECONDS },
	{ "eprof_resident_memory_bytes", "gauge", "Resident memory.", "process=\"agent\"",
	  AT(rss_bytes), COUNT },
	{ "eprof_resident_memory_bytes", NULL, NULL, "process=\"uploader\"", AT(uploader_rss_bytes),
	  COUNT },
	{ "eprof_resident_memory_bytes", NULL, NULL, "process=\"reader\"", AT(reader_rss_bytes),
	  COUNT },
	{ "eprof_heap_bytes", "gauge", "Memory that is allocated.", "process=\"agent\"",
	  AT(heap_bytes), COUNT },
	{ "eprof_bpf_map_bytes", "gauge", "Memory of eprof's maps in the kernel.", NULL,
	  AT(map_bytes), COUNT },
	{ "eprof_unwind_table_bytes", "gauge", "Memory of unwind tables.", NULL, AT(table_bytes),
	  COUNT },
	{ "eprof_unwind_tables", "gauge", "Unwind tables in memory.", NULL, AT(tables), COUNT },
	{ "eprof_reloads_total", "counter", "Configurations that were read anew.", NULL,
	  AT(reloads), COUNT },
	{ "eprof_uploader_restarts_total", "counter", "How often the uploader was started anew.",
	  NULL, AT(uploader_restarts), COUNT },
};

static const struct row target_rows[] = {
	{ "eprof_upload_attempts_total", "counter", "Attempts to upload a file, by their outcome.",
	  "result=\"sent\"", AT_TARGET(uploads.sent), COUNT },
	{ "eprof_upload_attempts_total", NULL, NULL, "result=\"retried\"",
	  AT_TARGET(uploads.retried), COUNT },
	{ "eprof_upload_attempts_total", NULL, NULL, "result=\"refused\"",
	  AT_TARGET(uploads.parked), COUNT },
	{ "eprof_upload_sent_bytes_total", "counter", "Bytes of files that were uploaded.", NULL,
	  AT_TARGET(uploads.sent_bytes), COUNT },
	{ "eprof_upload_last_sent_timestamp_seconds", "gauge", "When the last file was uploaded.",
	  NULL, AT_TARGET(uploads.last_sent_unix_s), TIME },
	{ "eprof_upload_next_try_timestamp_seconds", "gauge",
	  "When it is tried again, while the target is waited for.", NULL,
	  AT_TARGET(uploads.next_try_unix_s), TIME },
	{ "eprof_upload_last_status", "gauge", "HTTP status of the last attempt.", NULL,
	  AT_TARGET(uploads.last_status), CODE },
	{ "eprof_spool_files", "gauge", "Files that wait for their upload.", NULL,
	  AT_TARGET(spool.files), COUNT },
	{ "eprof_spool_bytes", "gauge", "Bytes of files that wait for their upload.", NULL,
	  AT_TARGET(spool.bytes), COUNT },
	{ "eprof_spool_oldest_timestamp_seconds", "gauge",
	  "When the oldest file that waits was recorded.", NULL, AT_TARGET(spool.oldest_unix_s),
	  TIME },
	{ "eprof_spool_refused_files", "gauge", "Files that the target refused, kept on disk.",
	  NULL, AT_TARGET(spool.dead_files), COUNT },
	{ "eprof_spool_refused_bytes", "gauge", "Bytes of files that the target refused.", NULL,
	  AT_TARGET(spool.dead_bytes), COUNT },
	{ "eprof_spool_dropped_files_total", "counter",
	  "Files that went without being uploaded, by the limit that they were over.",
	  "reason=\"bytes\"", AT_TARGET(spool.dropped_for_bytes), COUNT },
	{ "eprof_spool_dropped_files_total", NULL, NULL, "reason=\"age\"",
	  AT_TARGET(spool.dropped_for_age), COUNT },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void put_family(const char *name, const char *type, const char *help, FILE *out)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Exactly: a double has no nanoseconds after some months. */
static void put_nanoseconds(uint64_t ns, FILE *out)
{
	(void)fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", ns / NS_PER_SECOND, ns % NS_PER_SECOND);
}

/* The line of one row; what is NULL of labels is left out. */
static void put_row(const struct row *row, const char *figures, const char *target, FILE *out)
{
	const void *value = figures + row->offset;

	if ((row->form == TIME || row->form == NANOSECONDS_0) && *(const uint64_t *)value == 0)
		return;
	if (row->form == CODE && *(const long *)value == 0)
		return;
	(void)fputs(row->name, out);
	if (target || row->label)
		(void)fprintf(out, "{%s%s%s}", target ? target : "",
			      target && row->label ? "," : "", row->label ? row->label : "");
	(void)fputc(' ', out);
	switch (row->form) {
	case COUNT:
	case TIME:
		(void)fprintf(out, "%" PRIu64 "\n", *(const uint64_t *)value);
		break;
	case NANOSECONDS:
	case NANOSECONDS_0:
		put_nanoseconds(*(const uint64_t *)value, out);
		break;
	case SECONDS:
		(void)fprintf(out, "%.6f\n", *(const double *)value);
		break;
	case CODE:
		(void)fprintf(out, "%ld\n", *(const long *)value);
		break;
	}
}

/* Kinds of a counter are one family where they have one unit; time has its own. */
static void put_counters(const struct agent_status *status, FILE *out)
{
	struct status_loss losses[STATUS_LOSSES_MAX];
	size_t count = agent_status_losses(status, losses);

	put_family("eprof_lost_total", "counter", "What was lost, by reason.", out);
	for (size_t i = 0; i < count; i++) {
		if (!losses[i].is_ns)
			(void)fprintf(out, "eprof_lost_total{reason=\"%s\"} %" PRIu64 "\n",
				      losses[i].name, losses[i].count);
	}
	put_family("eprof_off_cpu_lost_seconds_total", "counter",
		   "Time off a CPU that is in no profile, for want of room.", out);
	(void)fputs("eprof_off_cpu_lost_seconds_total ", out);
	put_nanoseconds(status->counters[COUNTER_OFF_LOST_NS], out);
	put_family("eprof_events_total", "counter", "What was seen and is no loss, by kind.", out);
	for (enum counter i = 0; i < COUNTER_COUNT; i++) {
		if (!counter_is_loss(i) && !agent_status_counter_is_ns(i))
			(void)fprintf(out, "eprof_events_total{kind=\"%s\"} %" PRIu64 "\n",
				      counter_name(i), status->counters[i]);
	}
	put_family("eprof_off_cpu_hidden_seconds_total", "counter",
		   "Time off a CPU that was not asked for.", out);
	(void)fputs("eprof_off_cpu_hidden_seconds_total ", out);
	put_nanoseconds(status->counters[COUNTER_OFF_HIDDEN_NS], out);
}

/* The figures of one target: buckets of up to 10 ms, 20 ms and so on, each with those before. */
static void put_latency(const struct uploader_figures *figures, const char *target, FILE *out)
{
	static const char name[] = "eprof_upload_duration_seconds";
	uint64_t sum = 0;

	for (size_t i = 0; i < UPLOADER_BUCKETS; i++) {
		sum += figures->latency_buckets[i];
		(void)fprintf(out, "%s_bucket{%s,le=\"%.2f\"} %" PRIu64 "\n", name, target,
			      (double)(1u << i) / 100, sum);
	}
	sum += figures->latency_buckets[UPLOADER_BUCKETS];
	(void)fprintf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n%s_sum{%s} ", name, target, sum,
		      name, target);
	put_nanoseconds(figures->latency_ns, out);
	(void)fprintf(out, "%s_count{%s} %" PRIu64 "\n", name, target, sum);
}

static void put_label_value(const char *value, FILE *out)
{
	for (const char *c = value; *c; c++) {
		if (*c == '\n')
			(void)fputs("\\n", out);
		else if (*c == '\\' || *c == '"')
			(void)fprintf(out, "\\%c", *c);
		else
			(void)fputc(*c, out);
	}
}

/* target="NAME"; the caller frees it. NULL without memory. */
static char *make_label(const char *name)
{
	CLEANUP(cleanup_free) char *valid = agent_status_utf8(name);
	size_t size;
	char *label = NULL;
	FILE *out = valid ? open_memstream(&label, &size) : NULL;

	if (!out)
		return NULL;
	(void)fputs("target=\"", out);
	put_label_value(valid, out);
	(void)fputc('"', out);
	if (fclose(out) == 0)
		return label;
	free(label);
	return NULL;
}

/* Two targets may have the same name, such as that of a host; two lines may not. */
static bool number_namesakes(char **labels, size_t count)
{
	for (size_t i = count; i-- > 1;) {
		size_t before = 0;
		char *numbered;

		for (size_t j = 0; j < i; j++)
			before += strcmp(labels[j], labels[i]) == 0;
		if (before == 0)
			continue;
		if (asprintf(&numbered, "%s,number=\"%zu\"", labels[i], before + 1) < 0)
			return false;
		free(labels[i]);
		labels[i] = numbered;
	}
	return true;
}

static void put_targets(const struct agent_status *status, char **labels, FILE *out)
{
	for (size_t i = 0; i < COUNT_OF(target_rows); i++) {
		const struct row *row = &target_rows[i];

		if (row->help)
			put_family(row->name, row->type, row->help, out);
		for (size_t j = 0; j < status->target_count; j++)
			put_row(row, (const char *)&status->targets[j], labels[j], out);
	}
	put_family("eprof_upload_failing", "gauge", "Whether the last attempt failed.", out);
	for (size_t i = 0; i < status->target_count; i++)
		(void)fprintf(out, "eprof_upload_failing{%s} %d\n", labels[i],
			      status->targets[i].uploads.last_error[0] != '\0');
	put_family("eprof_upload_duration_seconds", "histogram",
		   "How long uploads took that were taken.", out);
	for (size_t i = 0; i < status->target_count; i++)
		put_latency(&status->targets[i].uploads, labels[i], out);
}

void agent_status_put_metrics(const struct agent_status *status, FILE *out)
{
	char *labels[AGENT_TARGETS_MAX] = { 0 };
	size_t made = 0;

	put_family("eprof_build_info", "gauge", "Which eprof this is.", out);
	(void)fprintf(out, "eprof_build_info{version=\"%s\"} 1\n", EPROF_VERSION);
	for (size_t i = 0; i < COUNT_OF(agent_rows); i++) {
		if (agent_rows[i].help)
			put_family(agent_rows[i].name, agent_rows[i].type, agent_rows[i].help, out);
		put_row(&agent_rows[i], (const char *)status, NULL, out);
	}
	put_counters(status, out);
	while (made < status->target_count &&
	       (labels[made] = make_label(status->targets[made].name)))
		made++;
	/* Without memory for their names there are no lines of targets, rather than wrong ones. */
	if (made > 0 && made == status->target_count && number_namesakes(labels, made))
		put_targets(status, labels, out);
	for (size_t i = 0; i < made; i++)
		free(labels[i]);
}
