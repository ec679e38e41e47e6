/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status for people. What somebody looks for who was woken up comes first: whether it samples,
 * what was lost, whether profiles arrive; what it costs comes last.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_status.h"
#include "agent/agent_status_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define MINUTE 60u
#define HOUR   (60u * MINUTE)
#define DAY    (24u * HOUR)

/* A window is named, drawn and spooled while the next one is sampled; then it is due. */
#define WINDOWS_LATE 2
#define SECONDS_LATE 10

static uint64_t age(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0; /* clocks jump */
}

/* "12 s", "3 min 5 s", "2 h 5 min", "3 d 4 h" */
static void put_duration(uint64_t seconds, FILE *out)
{
	if (seconds < MINUTE)
		(void)fprintf(out, "%" PRIu64 " s", seconds);
	else if (seconds < HOUR)
		(void)fprintf(out, "%" PRIu64 " min %" PRIu64 " s", seconds / MINUTE,
			      seconds % MINUTE);
	else if (seconds < DAY)
		(void)fprintf(out, "%" PRIu64 " h %" PRIu64 " min", seconds / HOUR,
			      seconds % HOUR / MINUTE);
	else
		(void)fprintf(out, "%" PRIu64 " d %" PRIu64 " h", seconds / DAY,
			      seconds % DAY / HOUR);
}

static void put_bytes(uint64_t bytes, FILE *out)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double amount = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)fprintf(out, "%" PRIu64 " B", bytes);
		return;
	}
	while (amount >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		amount /= 1024;
		unit++;
	}
	(void)fprintf(out, "%.1f %s", amount, units[unit]);
}

/* Texts of targets are strangers': they neither add lines nor steer the terminal. */
static void put_safely(const char *text, FILE *out)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		(void)fputc(*c < 0x20 || *c == 0x7f || is_c1 ? '?' : *c, out);
		c += is_c1;
	}
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static bool is_late(const struct agent_status *status, uint64_t now)
{
	uint64_t since =
		status->last_window_unix_s ? status->last_window_unix_s : status->began_unix_s;

	return age(now, since) > WINDOWS_LATE * status->window_s + SECONDS_LATE;
}

static void put_sampling(const struct agent_status *status, uint64_t now, FILE *out)
{
	(void)fprintf(out, "sampling  %s, ", is_late(status, now) ? "NO" : "yes");
	if (status->last_window_unix_s == 0) {
		(void)fputs("no window has ended yet", out);
	} else {
		(void)fputs("the last window ended ", out);
		put_duration(age(now, status->last_window_unix_s), out);
		(void)fputs(" ago", out);
	}
	(void)fprintf(out, " (one each %" PRIu64 " s), at %" PRIu64 " Hz", status->window_s,
		      status->sample_hz);
	if (status->sample_hz < status->asked_hz)
		(void)fprintf(out, " instead of %" PRIu64 ", as max-cpu asks", status->asked_hz);
	(void)fprintf(out, "\nwindows   %" PRIu64 " in ", status->windows);
	put_duration(age(now, status->began_unix_s), out);
	if (status->windows_failed > 0)
		(void)fprintf(out, ", %" PRIu64 " of them COULD NOT BE WRITTEN",
			      status->windows_failed);
	if (status->files_failed > 0)
		(void)fprintf(out, "; %" PRIu64 " file%s could not be spooled",
			      status->files_failed, plural(status->files_failed));
	(void)fprintf(out, "\nsamples   %" PRIu64, status->samples);
	if (status->samples > 0)
		(void)fprintf(out, ", %.2f %% with complete stacks",
			      100.0 * (double)status->complete_samples / (double)status->samples);
	(void)fputs("; ", out);
	put_duration(status->off_cpu_ns / NS_PER_SECOND, out);
	(void)fputs(" off a CPU\n", out);
}

static void put_losses(const struct agent_status *status, FILE *out)
{
	struct status_loss losses[STATUS_LOSSES_MAX];
	size_t count = agent_status_losses(status, losses);
	bool is_lossless = true;

	for (size_t i = 0; i < count; i++) {
		if (losses[i].count == 0)
			continue;
		(void)fprintf(out, "%s%s %" PRIu64 "\n", is_lossless ? "lost      " : "          ",
			      losses[i].name, losses[i].count);
		is_lossless = false;
	}
	if (is_lossless)
		(void)fputs("lost      nothing\n", out);
}

static bool is_failing(const struct agent_target_status *target)
{
	return target->uploads.last_error[0] != '\0';
}

static void put_waiting(const struct agent_target_status *target, uint64_t now, FILE *out)
{
	const struct spool_usage *spool = &target->spool;

	if (spool->files == 0) {
		(void)fputs("    nothing waits\n", out);
		return;
	}
	(void)fprintf(out, "    %" PRIu64 " file%s (", spool->files, plural(spool->files));
	put_bytes(spool->bytes, out);
	(void)fprintf(out, ") wait%s, the oldest is of ", spool->files == 1 ? "s" : "");
	put_duration(age(now, spool->oldest_unix_s), out);
	(void)fputs(" ago", out);
	if (target->uploads.next_try_unix_s > now) {
		(void)fputs("; tried again in ", out);
		put_duration(target->uploads.next_try_unix_s - now, out);
	}
	(void)fputc('\n', out);
}

/* What never arrives. */
static void put_given_up(const struct agent_target_status *target, FILE *out)
{
	const struct spool_usage *spool = &target->spool;

	if (spool->dropped_for_bytes > 0)
		(void)fprintf(out, "    LOST: %" PRIu64 " for want of room in the spool\n",
			      spool->dropped_for_bytes);
	if (spool->dropped_for_age > 0)
		(void)fprintf(out, "    LOST: %" PRIu64 " that were too old\n",
			      spool->dropped_for_age);
	if (target->uploads.parked == 0 && spool->dead_files == 0)
		return;
	(void)fprintf(out, "    refused: %" PRIu64 "; the spool keeps %" PRIu64 " (",
		      target->uploads.parked, spool->dead_files);
	put_bytes(spool->dead_bytes, out);
	(void)fputs(")\n", out);
}

static void put_target(const struct agent_target_status *target, uint64_t now, FILE *out)
{
	const struct uploader_figures *uploads = &target->uploads;
	CLEANUP(cleanup_free) char *url = agent_status_public_url(target->url);

	(void)fputs("  ", out);
	put_safely(target->name, out);
	(void)fputs(is_failing(target)               ? ": FAILS"
		    : uploads->last_sent_unix_s == 0 ? ": nothing sent yet"
						     : ": works",
		    out);
	if (url) {
		(void)fputs(", ", out);
		put_safely(url, out);
	}
	(void)fputc('\n', out);
	if (is_failing(target)) {
		(void)fputs("    ", out);
		put_safely(uploads->last_error, out);
		(void)fputc('\n', out);
	}
	put_waiting(target, now, out);
	put_given_up(target, out);
	if (uploads->sent == 0)
		return;
	(void)fprintf(out, "    sent: %" PRIu64 " (", uploads->sent);
	put_bytes(uploads->sent_bytes, out);
	(void)fputs("), the last ", out);
	put_duration(age(now, uploads->last_sent_unix_s), out);
	(void)fprintf(out, " ago, each in %.2f s; %" PRIu64 " attempt%s had to be made again\n",
		      (double)uploads->latency_ns / (double)NS_PER_SECOND / (double)uploads->sent,
		      uploads->retried, plural(uploads->retried));
}

static void put_targets(const struct agent_status *status, uint64_t now, FILE *out)
{
	size_t failing = 0;

	for (size_t i = 0; i < status->target_count; i++)
		failing += is_failing(&status->targets[i]);
	(void)fprintf(out, "uploads   to %zu target%s", status->target_count,
		      plural(status->target_count));
	if (failing > 0)
		(void)fprintf(out, ", %zu FAIL%s", failing, failing == 1 ? "S" : "");
	(void)fputc('\n', out);
	for (size_t i = 0; i < status->target_count; i++)
		put_target(&status->targets[i], now, out);
}

static void put_cost(const struct agent_status *status, uint64_t now, FILE *out)
{
	double bpf_seconds = (double)status->bpf_ns / (double)NS_PER_SECOND;
	uint64_t seconds = age(now, status->began_unix_s);

	(void)fputs("cost      ", out);
	if (seconds > 0)
		(void)fprintf(
			out, "%.2f %% of a CPU: ",
			100 * (status->cpu_seconds + status->uploader_cpu_seconds + bpf_seconds) /
				(double)seconds);
	(void)fprintf(out, "%.1f s, uploader %.1f s, ", status->cpu_seconds,
		      status->uploader_cpu_seconds);
	if (status->bpf_ns > 0)
		(void)fprintf(out, "in the kernel %.1f s\n", bpf_seconds);
	else
		(void)fputs("in the kernel not counted\n", out);
	(void)fputs("memory    ", out);
	put_bytes(status->rss_bytes, out);
	(void)fputs(", uploader ", out);
	put_bytes(status->uploader_rss_bytes, out);
	(void)fputs(", reader ", out);
	put_bytes(status->reader_rss_bytes, out);
	(void)fputs(", BPF maps ", out);
	put_bytes(status->map_bytes, out);
	(void)fprintf(out, ", %" PRIu64 " unwind table%s ", status->tables, plural(status->tables));
	put_bytes(status->table_bytes, out);
	(void)fprintf(out, "\nwindow    named in %.2f s, drawn and spooled in %.2f s\n",
		      status->name_seconds, status->write_seconds);
}

void agent_status_put_text_at(const struct agent_status *status, uint64_t now, FILE *out)
{
	put_sampling(status, now, out);
	put_losses(status, out);
	put_targets(status, now, out);
	(void)fprintf(out,
		      "services  %" PRIu64 "; samples of others %" PRIu64 ", left out %" PRIu64
		      ", by their command only %" PRIu64 "\n",
		      status->services.known, status->services.other_samples,
		      status->services.excluded_samples, status->services.without_cgroup);
	put_cost(status, now, out);
	(void)fprintf(out, "restarts  %" PRIu64 " reload%s, %" PRIu64 " of the uploader\n",
		      status->reloads, plural(status->reloads), status->uploader_restarts);
}

void agent_status_put_text(const struct agent_status *status, FILE *out)
{
	agent_status_put_text_at(status, (uint64_t)time(NULL), out);
}
