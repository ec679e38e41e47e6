/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file, by inih. It is handed one line after another from memory: so each has its number, also
 * where inih does not tell it, and what inih would pass over in silence (a section without keys,
 * what stands behind its bracket, a name that it cuts) is seen here. Lines begin without blanks, as
 * inih takes a line that has some for more of the one before.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_config_parts.h"
#include "agent/log.h"
#include "base/cleanup.h"

#define BLANKS         " \t\r\f\v"
#define COMMENT_BEGINS ";#"
#define ORDER_MARK     "\xef\xbb\xbf"

struct file_lines {
	struct config_reader *reader;
	char *next; /* the rest of the file, in which lines end in NUL when they are read */
	char *end;
	enum config_section section; /* SECTION_COUNT: of none that we know */
	bool is_skipped;             /* what is wrong with the section was told */
	/* What was handed over last is a key, of which the handler has not heard. */
	bool awaits_key;
	int err;
};

static int read_whole(const char *path, char **ret, size_t *ret_length)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(cleanup_free) char *text = NULL;
	struct stat info;
	size_t length = 0;

	if (fd < 0 || fstat(fd, &info) < 0) {
		int err = -errno;

		log_error("cannot read '%s': %s", path, strerror(-err));
		return err;
	}
	if (!S_ISREG(info.st_mode)) {
		log_error("cannot read '%s': it is not a regular file", path);
		return -EINVAL;
	}
	text = malloc(CONFIG_FILE_SIZE_MAX + 1);
	if (!text)
		return -ENOMEM;
	while (length <= CONFIG_FILE_SIZE_MAX) {
		ssize_t n = read(fd, text + length, CONFIG_FILE_SIZE_MAX + 1 - length);

		if (n < 0 && errno != EINTR) {
			int err = -errno;

			log_error("cannot read '%s': %s", path, strerror(-err));
			return err;
		}
		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
	}
	if (length > CONFIG_FILE_SIZE_MAX) {
		log_error("'%s' is larger than %zu KiB", path, CONFIG_FILE_SIZE_MAX >> 10);
		return -EINVAL;
	}
	*ret = TAKE(text);
	*ret_length = length;
	return 0;
}

/* The text between the brackets; NULL after a mistake. It ends where the bracket was. */
static char *section_text(struct config_reader *reader, char *line)
{
	char *close = strchr(line, ']');
	const char *rest;

	if (!close) {
		config_mistake(reader, "a section ends in ']'");
		return NULL;
	}
	rest = close + 1;
	rest += strspn(rest, BLANKS);
	if (*rest && !strchr(COMMENT_BEGINS, *rest)) {
		config_mistake(reader, "there is something behind ']'");
		return NULL;
	}
	*close = '\0';
	return line + 1;
}

static int begin_section(struct file_lines *lines, char *line)
{
	struct config_reader *reader = lines->reader;
	static const char upload[] = "upload";
	const char *text = section_text(reader, line);
	size_t length = strlen(upload);

	lines->section = SECTION_COUNT;
	lines->is_skipped = true;
	reader->target = NULL;
	if (!text)
		return 0;
	if (strcmp(text, "agent") == 0)
		lines->section = SECTION_AGENT;
	else if (strcmp(text, "services") == 0)
		lines->section = SECTION_SERVICES;
	else if (strcmp(text, "labels") == 0)
		lines->section = SECTION_LABELS;
	if (lines->section != SECTION_COUNT)
		return 0;
	if (strncmp(text, upload, length) != 0 || (text[length] && text[length] != ' ')) {
		config_mistake(reader,
			       "unknown section [%.*s]: there are [agent], [services], [labels] "
			       "and [upload NAME]",
			       CONFIG_SHOWN_MAX, text);
		return 0;
	}
	text += length;
	text += strspn(text, " ");
	if (config_target_begin(reader, text) == -ENOMEM)
		return -ENOMEM;
	if (reader->target)
		lines->section = SECTION_UPLOAD;
	return 0;
}

/* The next line, NUL at its end instead of the line break; NULL at the end. */
static char *take_line(struct file_lines *lines, size_t *ret_length)
{
	char *line = lines->next;
	char *end;

	if (line >= lines->end)
		return NULL;
	end = memchr(line, '\n', (size_t)(lines->end - line));
	if (!end)
		end = lines->end;
	*end = '\0';
	lines->next = end + 1;
	*ret_length = (size_t)(end - line);
	return line;
}

/* Whether the line goes to inih; what is wrong with one that does not was told. */
static bool is_good(struct config_reader *reader, const char *line, size_t length, size_t max)
{
	if (length > max) {
		config_mistake(reader, "the line is longer than %zu bytes", max);
		return false;
	}
	if (strlen(line) != length) {
		config_mistake(reader, "there is a NUL byte in the line");
		return false;
	}
	for (const char *c = line; *c; c++) {
		if (((unsigned char)*c < ' ' && !strchr(BLANKS, *c)) || *c == 0x7f) {
			config_mistake(reader, "there is a control character in the line");
			return false;
		}
	}
	return true;
}

/* As fgets() for inih: an empty line where there is nothing for it. */
static char *hand_line(char *buffer, int size, void *stream)
{
	struct file_lines *lines = stream;
	struct config_reader *reader = lines->reader;
	size_t length, max;
	char *line;

	if (lines->awaits_key)
		config_mistake(reader, "this is no section, no KEY = VALUE and no comment");
	lines->awaits_key = false;
	line = lines->err < 0 ? NULL : take_line(lines, &length);
	if (!line)
		return NULL;
	reader->place.line++;
	buffer[0] = '\n';
	buffer[1] = '\0';
	/* The build of inih may have less room: for the line, its break and NUL. */
	max = size - 2 < CONFIG_LINE_MAX ? (size_t)size - 2 : CONFIG_LINE_MAX;
	if (reader->place.line == 1 && strncmp(line, ORDER_MARK, strlen(ORDER_MARK)) == 0) {
		line += strlen(ORDER_MARK);
		length -= strlen(ORDER_MARK);
	}
	while (*line && strchr(BLANKS, *line)) {
		line++;
		length--;
	}
	if (!is_good(reader, line, length, max) || !*line || strchr(COMMENT_BEGINS, *line))
		return buffer;
	if (*line == '[') {
		lines->err = begin_section(lines, line);
		return buffer;
	}
	memcpy(buffer, line, length);
	buffer[length] = '\n';
	buffer[length + 1] = '\0';
	lines->awaits_key = true;
	return buffer;
}

static const struct config_key *key_of(enum config_section section, const char *name)
{
	/* The URL begins a target on the command line, and is one key of many in a section. */
	if (section == SECTION_UPLOAD && strcmp(name, "url") == 0)
		return config_key_find(section, "upload");
	if (section == SECTION_UPLOAD && strcmp(name, "upload") == 0)
		return NULL;
	return config_key_find(section, name);
}

static void tell_unknown(struct config_reader *reader, enum config_section section,
			 const char *name)
{
	const struct config_key *elsewhere = config_key_find(SECTION_COUNT, name);
	const struct config_key *like = config_key_like(section, name);
	int length = CONFIG_SHOWN_MAX;
	char where[CONFIG_NAME_MAX + 16];

	if (section == SECTION_UPLOAD)
		(void)snprintf(where, sizeof(where), "[upload %s]", reader->target->name);
	else
		(void)snprintf(where, sizeof(where), "%s", config_section_name(section));
	if (elsewhere && elsewhere->section != section)
		config_mistake(reader, "unknown key '%.*s' in %s (it belongs into %s)", length,
			       name, where, config_section_name(elsewhere->section));
	else if (like && like->set != config_set_url)
		config_mistake(reader, "unknown key '%.*s' in %s (did you mean '%s'?)", length,
			       name, where, like->name);
	else
		config_mistake(reader, "unknown key '%.*s' in %s", length, name, where);
}

/* inih's handler: 1, as mistakes are told by us, and it is to go on. */
static int hear_key(void *user, const char *section, const char *name, const char *value)
{
	struct file_lines *lines = user;
	struct config_reader *reader = lines->reader;
	const struct config_key *key;
	int err;

	(void)section; /* cut by inih */
	lines->awaits_key = false;
	if (lines->section == SECTION_COUNT) {
		if (!lines->is_skipped)
			config_mistake(reader, "a key before the first section, such as [agent]");
		return 1;
	}
	if (lines->section == SECTION_LABELS) {
		err = config_set_label(reader, name, value);
	} else {
		key = key_of(lines->section, name);
		if (!key) {
			tell_unknown(reader, lines->section, name);
			return 1;
		}
		err = config_set(reader, key, value);
	}
	if (err < 0 && err != -EINVAL)
		lines->err = err;
	return 1;
}

/* Room for the longest line, its break and NUL. */
static void set_up_inih(void)
{
#ifdef EPROF_INIH_HAS_SETTINGS
	ini_use_stack = false;
	ini_initial_alloc = CONFIG_LINE_MAX + 2;
	ini_max_line = CONFIG_LINE_MAX + 2;
#endif
}

int config_read_file(struct config_reader *reader, const char *path)
{
	struct file_lines lines = { .reader = reader, .section = SECTION_COUNT };
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0;
	int err = read_whole(path, &text, &length);

	if (err < 0)
		return err;
	lines.next = text;
	lines.end = text + length;
	reader->place = (struct config_place){ .file = path };
	set_up_inih();
	if (ini_parse_stream(hand_line, &lines, hear_key, &lines) == -2)
		lines.err = -ENOMEM;
	reader->target = NULL;
	return lines.err;
}
