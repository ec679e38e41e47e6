/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `eprof agent`. Keys of the configuration are not looked at here: they are words that
 * agent_config_read() takes, and takes again when the file is read anew.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"

#define HELP_SIZE 512
/* Rows that are no keys: of what the call is about, headings, and the last one. */
#define OWN_ROWS  12

enum agent_key {
	AGENT_KEY_CONFIG = 0x1000,
	AGENT_KEY_CHECK_CONFIG,
	AGENT_KEY_STATUS,
	AGENT_KEY_JSON,
	AGENT_KEY_OF_TABLE,
};

static const struct argp_option own_rows[] = {
	{ NULL, 0, NULL, 0, "What to do:", 1 },
	{ "config", AGENT_KEY_CONFIG, "FILE", 0,
	  "Read keys from this file, before those given here", 1 },
	{ "check-config", AGENT_KEY_CHECK_CONFIG, NULL, 0,
	  "Say what is wrong with the keys, and exit", 1 },
	{ "status", AGENT_KEY_STATUS, NULL, 0, "Ask an agent that runs, by --socket, how it fares",
	  1 },
	{ "json", AGENT_KEY_JSON, NULL, 0, "With --status: as JSON", 1 },
	{ NULL, 0, NULL, 0, "Keys of [agent]; without a value, YES|NO is yes:", 2 },
	{ NULL, 0, NULL, 0, "Keys of [services] and [labels], which may be repeated:", 3 },
	{ NULL, 0, NULL, 0, "Keys of [upload NAME]:", 4 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
};
#define OWN_ROW_COUNT (sizeof(own_rows) / sizeof(own_rows[0]))
_Static_assert(OWN_ROW_COUNT < OWN_ROWS, "there is room for them, and for the last one");

static int group_of(enum config_section section)
{
	if (section == SECTION_AGENT)
		return 2;
	return section == SECTION_UPLOAD ? 4 : 3;
}

static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == 'h')
		options_help(state, "eprof agent");
	return ARGP_ERR_UNKNOWN;
}

/* The rows are made of the table of keys, and live as long as the call. */
static _Noreturn void print_help(void)
{
	char texts[CONFIG_KEYS_MAX][HELP_SIZE];
	struct argp_option rows[CONFIG_KEYS_MAX + OWN_ROWS] = { 0 };
	char *ask_for_help[] = { (char *)"eprof", (char *)"--help", NULL };
	size_t count;
	const struct config_key *keys = config_keys(&count);
	struct argp argp = {
		.options = rows,
		.parser = parse_help,
		.help_filter = options_help_filter,
		.args_doc = "--upload URL\n--config FILE\n--check-config\n--status",
		.doc = "Measures always: where threads run and where they wait, a profile of each "
		       "service for each window, sent to where it is wanted. What cannot be sent "
		       "waits on disk."
		       "\v"
		       "Examples:\n"
		       "  eprof agent --config /etc/eprof/agent.conf\n"
		       "  eprof agent --window 10 --upload file:///srv/profiles\n"
		       "  eprof agent --upload https://example.org/put --formats svg,pprof\n"
		       "\n"
		       "Exit code: 0 ended or fine, 1 failed, 2 wrong usage or configuration.",
	};

	memcpy(rows, own_rows, sizeof(own_rows));
	for (size_t i = 0; i < count; i++) {
		const char *fallback = keys[i].fallback;

		(void)snprintf(texts[i], sizeof(texts[i]), "%s. %c%s%s%s%s", keys[i].help,
			       toupper((unsigned char)keys[i].limits[0]), keys[i].limits + 1,
			       fallback ? " (default: " : "", fallback ? fallback : "",
			       fallback ? ")" : "");
		rows[OWN_ROW_COUNT + i] = (struct argp_option){
			.name = keys[i].name,
			.key = AGENT_KEY_OF_TABLE + (int)i,
			.arg = keys[i].unit,
			.doc = texts[i],
			.group = group_of(keys[i].section),
		};
	}
	options_run_argp(&argp, 2, ask_for_help, NULL);
	exit(0);
}

static bool is_word(const char *word, const char *option)
{
	return strcmp(word, option) == 0;
}

/* The value of option when *words is it: behind '=', or the next word, which is taken. */
static const char *value_of(char ***words, const char *option)
{
	size_t length = strlen(option);
	char *word = **words;

	if (strncmp(word, option, length) != 0 || (word[length] && word[length] != '='))
		return NULL;
	word += length + (word[length] == '=');
	if (!*word && config_word_count(*words) == 2)
		word = *++*words;
	if (!*word)
		usage_error("%s: the name is missing", option);
	return word;
}

static void set_action(struct agent_options *options, enum agent_action action)
{
	if (options->action != AGENT_RUN && options->action != action)
		usage_error("--check-config and --status exclude each other");
	options->action = action;
}

/* Whether the word is about the call itself, and no key. */
static bool take_own_word(struct agent_options *options, char ***words)
{
	const char *file;

	if (is_word(**words, "--help") || is_word(**words, "-h"))
		print_help();
	if (is_word(**words, "--check-config")) {
		set_action(options, AGENT_CHECK_CONFIG);
		return true;
	}
	if (is_word(**words, "--status")) {
		set_action(options, AGENT_STATUS);
		return true;
	}
	if (is_word(**words, "--json")) {
		options->as_json = true;
		return true;
	}
	file = value_of(words, "--config");
	if (file && options->config_file)
		usage_error("--config takes one file, and can be given once");
	if (file)
		options->config_file = file;
	return file != NULL;
}

/* What asks needs to know nothing but where. */
static void parse_status(struct agent_options *options)
{
	char **words = options->words;

	options->socket = config_key_find(SECTION_AGENT, "socket")->fallback;
	if (options->config_file)
		usage_error("--status and --config exclude each other: --socket says whom to ask");
	for (; *words; words++) {
		const char *socket = value_of(&words, "--socket");

		if (!socket)
			usage_error(
				"'%s' does not go with --status, but --json and --socket PATH do",
				*words);
		options->socket = socket;
	}
}

void options_parse_agent(int argc, char **argv, struct agent_options *ret)
{
	char **kept = argv + 1;

	*ret = (struct agent_options){ .words = kept };
	(void)argc;
	for (char **words = argv + 1; *words;) {
		size_t count = config_word_count(words);

		if (take_own_word(ret, &words)) {
			words++;
			continue;
		}
		for (; count > 0; count--)
			*kept++ = *words++;
	}
	*kept = NULL;
	if (ret->action == AGENT_STATUS)
		parse_status(ret);
	else if (ret->as_json)
		usage_error("--json goes with --status");
}
