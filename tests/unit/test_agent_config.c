/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a file and words: the config, and for each mistake its line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/agent_config.h"
#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"
#include "base/cleanup.h"
#include "tests/unit/hear.h"

#define UPLOAD "[upload a]\nurl = file:///srv\n"

static char path[] = "/tmp/eprof-config-XXXXXX";

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void cleanup_config(struct agent_config **config)
{
	agent_config_free(*config);
}

/* text: of the file; NULL: none. */
static int read_config(const char *text, char **words, struct agent_config **ret)
{
	static char *none[] = { NULL };
	struct agent_options options = { .config_file = text ? path : NULL,
					 .words = words ? words : none };

	if (text) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	return agent_config_read(&options, ret);
}

static struct agent_config *accepted(const char *text, char **words)
{
	struct agent_config *config = NULL;

	assert_int_equal(read_config(text, words, &config), 0);
	assert_non_null(config);
	return config;
}

/* Each mistake is a line, in this order: of the file, each begins with its path and a colon. */
static void check_refused(const char *text, char **words, const char *lines)
{
	struct agent_config *untouched = (struct agent_config *)&path, *config = untouched;
	char expected[8192] = "";
	size_t used = 0;
	int err;

	for (const char *line = lines; *line; line = strchr(line, '\n') + 1) {
		int length = (int)(strchr(line, '\n') - line);

		used += (size_t)snprintf(expected + used, sizeof(expected) - used,
					 "eprof: %s%.*s\n", *line == ':' ? path : "", length, line);
	}
	hear();
	err = read_config(text, words, &config);
	assert_string_equal(heard(), expected);
	assert_int_equal(err, -EINVAL);
	assert_ptr_equal(config, untouched);
}

static void without_keys_it_is_what_record_does_with_the_whole_machine(void **state)
{
	char *words[] = { (char *)"record", (char *)"-a", NULL };
	CLEANUP(cleanup_config) struct agent_config *config = accepted(UPLOAD, NULL);
	struct record_options record;

	(void)state;
	options_parse_record(2, words, &record);
	/* For months. */
	assert_true(config->record.is_thrifty);
	record.is_thrifty = true;
	assert_string_equal(config->record.event, record.event);
	config->record.event = record.event;
	/* But for the memory that it has for as long as it lives. */
	assert_int_equal(config->record.unwind_bytes, 64 << 20);
	record.unwind_bytes = config->record.unwind_bytes;
	assert_int_equal(config->record.preempt_sample_us, 50000);
	record.preempt_sample_us = config->record.preempt_sample_us;
	assert_memory_equal(&config->record, &record, sizeof(record));
	assert_int_equal(config->window_s, 60);
	assert_int_equal(config->split, SPLIT_CGROUP);
	assert_int_equal(config->services_max, 100);
	assert_string_equal(config->spool_dir, "/var/spool/eprof");
	assert_int_equal(config->spool_bytes, 1 << 30);
	assert_int_equal(config->spool_age_s, 72 * 3600);
	assert_string_equal(config->socket, "/run/eprof/agent.sock");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_null(config->host);
	assert_null(config->user);
	assert_null(config->metrics_file);
	assert_true(config->max_cpu == 0);
	assert_int_equal(config->target_count, 1);
	assert_string_equal(config->targets[0].name, "a");
	assert_true(config->targets[0].formats[PROFILE_SVG]);
	assert_false(config->targets[0].formats[PROFILE_PPROF]);
	assert_int_equal(config->targets[0].timeout_s, 30);
}

static void every_value_finds_its_place(void **state)
{
	CLEANUP(cleanup_config)
	struct agent_config *config = accepted(
		"[agent]\nwindow = 5m\nkinds = off-cpu\npids = 7,8\nuser-only = yes\n"
		"min-block = 1ms\nmax-block = 2s\nmax-events = 0\npreempt-sample = 7ms\nunwind = "
		"fp\n"
		"unwind-memory = 1G\nsplit = comm\nmax-services = 7\nhost = h\nspool-dir = /s\n"
		"spool-bytes = 10M\nspool-age = 2d\nuser = 10:20\nmax-cpu = 2.5%\n"
		"metrics-file = /m\nsocket = /k\nlog-level = debug\n"
		"[labels]\nteam = payments, east\n"
		"[services]\nexclude = ^cron$\ninclude = nginx\nrename = ^a->(b)$ -> x-\\1\n"
		"[upload s]\nurl = s3://bucket/prefix\nformats = folded , pprof\n"
		"key = {service}/{{x/{label.team}{ext}\nendpoint = http://127.0.0.1:9000\n"
		"region = eu\nstyle = virtual-host\ntimeout = 2m\n",
		NULL);

	(void)state;
	assert_int_equal(config->window_s, 300);
	assert_false(config->record.on_cpu);
	assert_true(config->record.off_cpu);
	assert_true(config->record.off_cpu_asked);
	assert_int_equal(config->record.target, TARGET_PIDS);
	assert_int_equal(config->record.id_count, 2);
	assert_int_equal(config->record.ids[1], 8);
	assert_true(config->record.user_only);
	assert_int_equal(config->record.min_block_us, 1000);
	assert_int_equal(config->record.max_block_us, 2000000);
	assert_int_equal(config->record.max_events, 0);
	assert_int_equal(config->record.preempt_sample_us, 7000);
	assert_int_equal(config->record.unwind, UNWIND_FRAME_POINTERS);
	assert_int_equal(config->record.unwind_bytes, 1 << 30);
	assert_int_equal(config->split, SPLIT_COMM);
	assert_int_equal(config->services_max, 7);
	assert_string_equal(config->host, "h");
	assert_string_equal(config->spool_dir, "/s");
	assert_int_equal(config->spool_bytes, 10 << 20);
	assert_int_equal(config->spool_age_s, 2 * 86400);
	assert_string_equal(config->user, "10:20");
	assert_true(config->max_cpu == 2.5);
	assert_string_equal(config->metrics_file, "/m");
	assert_string_equal(config->socket, "/k");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(config->label_count, 1);
	assert_string_equal(config->labels[0].name, "team");
	assert_string_equal(config->labels[0].value, "payments, east");
	assert_int_equal(config->rule_count, 3);
	assert_int_equal(config->rules[0].kind, SERVICE_EXCLUDE);
	assert_int_equal(config->rules[1].kind, SERVICE_INCLUDE);
	assert_string_equal(config->rules[2].pattern, "^a->(b)$");
	assert_string_equal(config->rules[2].name, "x-\\1");
	assert_string_equal(config->targets[0].url, "s3://bucket/prefix");
	assert_true(config->targets[0].formats[PROFILE_FOLDED]);
	assert_false(config->targets[0].formats[PROFILE_SVG]);
	assert_string_equal(config->targets[0].key, "{service}/{{x/{label.team}{ext}");
	assert_string_equal(config->targets[0].endpoint, "http://127.0.0.1:9000");
	assert_string_equal(config->targets[0].region, "eu");
	assert_int_equal(config->targets[0].style, S3_VIRTUAL_HOST);
	assert_int_equal(config->targets[0].timeout_s, 120);
}

static void words_come_after_the_file(void **state)
{
	char *words[] = { (char *)"--window=7",
			  (char *)"--label",
			  (char *)"team=b=c",
			  (char *)"--user-only",
			  (char *)"--pids",
			  (char *)"",
			  (char *)"--rename",
			  (char *)"a -> b",
			  (char *)"--upload",
			  (char *)"https://example.org:81/x?sig=1",
			  (char *)"--formats=html",
			  (char *)"--upload",
			  (char *)"https://example.org:81/y",
			  (char *)"--window",
			  (char *)"8",
			  (char *)"--upload=pyroscope+http://[::1]:4040",
			  (char *)"--tenant",
			  (char *)"t",
			  NULL };
	CLEANUP(cleanup_config)
	struct agent_config *config =
		accepted("[agent]\nwindow=5\npids=1\n[labels]\nteam=a\nzone=z\n"
			 "[services]\nexclude = c\n" UPLOAD,
			 words);

	(void)state;
	assert_int_equal(config->window_s, 8);
	assert_true(config->record.user_only);
	assert_int_equal(config->record.target, TARGET_ALL);
	assert_int_equal(config->label_count, 2);
	assert_string_equal(config->labels[0].value, "b=c");
	assert_int_equal(config->rule_count, 2);
	assert_int_equal(config->target_count, 4);
	assert_string_equal(config->targets[1].name, "https-example.org_81");
	assert_true(config->targets[1].formats[PROFILE_HTML]);
	assert_false(config->targets[1].formats[PROFILE_SVG]);
	assert_string_equal(config->targets[2].name, "https-example.org_81-2");
	assert_true(config->targets[2].formats[PROFILE_SVG]);
	assert_true(config->targets[3].formats[PROFILE_PPROF]);
	assert_string_equal(config->targets[3].tenant, "t");
}

static void only_one_cpu_leaves_off_cpu_time_out(void **state)
{
	CLEANUP(cleanup_config)
	struct agent_config *config = accepted("[agent]\ncpu = 3\n" UPLOAD, NULL);

	(void)state;
	assert_int_equal(config->record.cpu, 3);
	assert_false(config->record.off_cpu);
	check_refused("[agent]\ncpu = 3\nkinds = off-cpu\n" UPLOAD, NULL,
		      ":2: cpu and off-cpu among kinds exclude each other: time off a CPU is a "
		      "thread's, and no CPU's\n");
	check_refused("[agent]\ncpu = 3\nmin-block = 3\n" UPLOAD, NULL,
		      ":3: min-block is about off-CPU time, which is left out by cpu\n");
}

static void every_mistake_is_told_with_its_line(void **state)
{
	char *words[] = { (char *)"--windw", (char *)"6",         (char *)"stray",
			  (char *)"--host",  (char *)"--split=x", NULL };

	(void)state;
	check_refused("window = 5\n[agent]\nwindw = 5\nwindow = 0\nwindow 5\n"
		      "formats = svg\nzzzzzz = 1\n[agnet]\nx = 1\n[agent\n[agent] x = 1\n" UPLOAD,
		      words,
		      ":1: a key before the first section, such as [agent]\n"
		      ":3: unknown key 'windw' in [agent] (did you mean 'window'?)\n"
		      ":4: window: '0' is not a time from 1s to 1h\n"
		      ":5: this is no section, no KEY = VALUE and no comment\n"
		      ":6: unknown key 'formats' in [agent] (it belongs into [upload NAME])\n"
		      ":7: unknown key 'zzzzzz' in [agent]\n"
		      ":8: unknown section [agnet]: there are [agent], [services], [labels] and "
		      "[upload NAME]\n"
		      ":10: a section ends in ']'\n"
		      ":11: there is something behind ']'\n"
		      "unknown option '--windw' (did you mean '--window'?)\n"
		      "'stray' is no option: they begin with '--'\n"
		      "--host: it takes a value, NAME\n"
		      "--split: 'x' is not one of cgroup, comm, host\n");
	check_refused("", NULL,
		      "there is no target: a section [upload NAME] with a url, or --upload URL, "
		      "says where profiles go\n");
}

static void a_key_is_given_once_in_a_file(void **state)
{
	(void)state;
	check_refused("[agent]\nwindow = 5\n[agent]\nwindow = 6\n[labels]\na = 1\na = 2\n"
		      "[upload a]\nurl = file:///a\nurl = file:///b\n[upload a]\nurl = file:///c\n"
		      "[upload b]\nurl = file:///a\n",
		      NULL,
		      ":4: window: it is given twice: first in line 2\n"
		      ":7: 'a' is given twice: first in line 6\n"
		      ":10: url: it is given twice: first in line 9\n"
		      ":11: there is a section [upload a] already\n"
		      ":13: a target has the URL of another one, 'a'\n");
}

static void keys_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	check_refused("[agent]\npids = 1\ncgroup = x\nkernel-threads = yes\nuser-only = yes\n"
		      "kernel-only = yes\nmin-block = 5\nmax-block = 4\n" UPLOAD,
		      NULL,
		      ":3: pids and cgroup exclude each other\n"
		      ":4: kernel-threads goes without pids and cgroup only: they are part of no "
		      "other target\n"
		      ":6: user-only and kernel-only exclude each other: without both, both stacks "
		      "are recorded\n"
		      ":7: min-block is above max-block: nothing would be left\n");
	check_refused("[agent]\nkinds = off-cpu\nfrequency = 49\nidle = no\n" UPLOAD, NULL,
		      ":3: frequency is about running threads, which are left out by kinds\n");
}

static void wrong_rules_and_labels_are_refused(void **state)
{
	(void)state;
	check_refused(UPLOAD "[services]\ninclude = (\nexclude =\nrename = a\nrename = a ->\n"
			     "rename = (a) -> \\2\nrename = a -> \\x\n[labels]\n1a = b\n__a = b\n"
			     "a =\nb = \xff\n",
		      NULL,
		      ":4: include: '(' is no expression: Unmatched ( or \\(\n"
		      ":5: exclude: the value is empty\n"
		      ":6: rename: 'a' is not a rule REGEX -> NAME, where \\1 to \\9 are what "
		      "parentheses matched\n"
		      ":7: rename: the new name is not UTF-8 of 1 to 255 bytes\n"
		      ":8: rename: '\\2' in the name, and 1 parentheses before it\n"
		      ":9: rename: behind '\\' in a name there is a digit from 1 to 9\n"
		      ":11: '1a' is no name of a label: up to 63 letters, digits and '_', and no "
		      "digit first\n"
		      ":12: names of labels that begin with '__' are not free\n"
		      ":13: the value of 'a' is not UTF-8 of 1 to 255 bytes\n"
		      ":14: the value of 'b' is not UTF-8 of 1 to 255 bytes\n");
}

static void only_so_many_mistakes_are_told(void **state)
{
	char text[4096] = UPLOAD "[agent]\n";
	const char *last;

	(void)state;
	for (int i = 0; i < 30; i++)
		(void)strcat(text, "x = 1\n");
	hear();
	assert_int_equal(read_config(text, NULL, &(struct agent_config *){ NULL }), -EINVAL);
	last = heard();
	assert_non_null(strstr(last, ":23: unknown key 'x'"));
	assert_null(strstr(last, ":24: "));
	assert_non_null(strstr(last, "eprof: and 10 more mistakes\n"));
}

/* The text's limits are the numbers' of the row: both ends are taken, what is beyond is not. */
static void limits_are_what_the_table_says(void **state)
{
	size_t count, numbers = 0;
	const struct config_key *keys = config_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *from = strstr(keys[i].limits, " from ");
		char low[32], high[32], word[64];

		if (!from || keys[i].max == 0)
			continue;
		assert_int_equal(sscanf(from, " from %31s %*[^0-9]%31s", low, high), 2);
		(void)snprintf(word, sizeof(word), "--%s", keys[i].name);
		for (int is_high = 0; is_high < 2; is_high++) {
			char *end = is_high ? high : low;
			char beyond[48];
			char *words[] = { (char *)"--upload", (char *)"https://a/", word, end,
					  NULL };

			agent_config_free(accepted(NULL, words));
			words[3] = beyond;
			(void)snprintf(beyond, sizeof(beyond), "%llu%s",
				       strtoull(end, NULL, 10) + (is_high ? 1 : -1ULL),
				       end + strspn(end, "0123456789"));
			hear();
			assert_int_equal(read_config(NULL, words, &(struct agent_config *){ 0 }),
					 -EINVAL);
			assert_non_null(strstr(heard(), keys[i].limits));
		}
		numbers++;
	}
	assert_true(numbers >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_keys_it_is_what_record_does_with_the_whole_machine),
		cmocka_unit_test(every_value_finds_its_place),
		cmocka_unit_test(words_come_after_the_file),
		cmocka_unit_test(only_one_cpu_leaves_off_cpu_time_out),
		cmocka_unit_test(every_mistake_is_told_with_its_line),
		cmocka_unit_test(a_key_is_given_once_in_a_file),
		cmocka_unit_test(keys_that_contradict_each_other_are_refused),
		cmocka_unit_test(wrong_rules_and_labels_are_refused),
		cmocka_unit_test(only_so_many_mistakes_are_told),
		cmocka_unit_test(limits_are_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
