/* SPDX-License-Identifier: Apache-2.0 */
#include "web/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define TOKEN_MIN  16
#define TOKEN_MAX  256
#define TOKENS_MAX 100000
#define BLANKS     " \t\r\n"

struct token {
	unsigned int rights;
	/* Compared as a whole, so that how long it takes says nothing of what is right. */
	unsigned char bytes[TOKEN_MAX];
};

void tokens_done(struct tokens *tokens)
{
	/* Not to be found in memory that somebody gets. */
	if (tokens->list)
		explicit_bzero(tokens->list, tokens->count * sizeof(*tokens->list));
	free(tokens->list);
	*tokens = (struct tokens){ 0 };
}

static unsigned int right_of(const char *word)
{
	if (strcmp(word, "write") == 0)
		return TOKEN_WRITE;
	if (strcmp(word, "read") == 0)
		return TOKEN_READ;
	return strcmp(word, "all") == 0 ? TOKEN_WRITE | TOKEN_READ : 0;
}

/* realloc() would leave a copy behind. */
static bool make_room(struct tokens *tokens)
{
	size_t capacity = tokens->capacity ? 2 * tokens->capacity : 16;
	struct token *list = calloc(capacity, sizeof(*list));

	if (!list)
		return false;
	if (tokens->count) {
		memcpy(list, tokens->list, tokens->count * sizeof(*list));
		explicit_bzero(tokens->list, tokens->count * sizeof(*list));
	}
	free(tokens->list);
	tokens->list = list;
	tokens->capacity = capacity;
	return true;
}

/* Of the file's own: how long it takes tells nobody anything. */
static bool is_known(const struct tokens *tokens, const char *bytes)
{
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->list[i];

		if (strnlen((const char *)token->bytes, TOKEN_MAX) == strlen(bytes) &&
		    memcmp(token->bytes, bytes, strlen(bytes)) == 0)
			return true;
	}
	return false;
}

/* NULL, or what is wrong with the line. */
static const char *add_line(struct tokens *tokens, char *line)
{
	char *save = NULL, *name = strtok_r(line, BLANKS, &save);
	const char *right = strtok_r(NULL, BLANKS, &save), *bytes = strtok_r(NULL, BLANKS, &save);

	if (!name || name[0] == '#')
		return NULL;
	if (!right || !bytes || strtok_r(NULL, BLANKS, &save))
		return "it is not NAME RIGHT TOKEN";
	if (!right_of(right))
		return "its right is none of write, read, all";
	if (strlen(bytes) < TOKEN_MIN || strlen(bytes) > TOKEN_MAX)
		return "its token has not 16 to 256 bytes";
	if (is_known(tokens, bytes))
		return "its token is another line's";
	if (tokens->count == TOKENS_MAX)
		return "there are too many";
	if (tokens->count == tokens->capacity && !make_room(tokens))
		return "there is no memory for it";
	tokens->list[tokens->count] = (struct token){ .rights = right_of(right) };
	memcpy(tokens->list[tokens->count++].bytes, bytes, strlen(bytes));
	return NULL;
}

static int read_lines(FILE *in, struct tokens *tokens, char ret_reason[TOKENS_REASON_SIZE])
{
	char line[1024];

	for (int number = 1; fgets(line, sizeof(line), in); number++) {
		const char *reason;

		if (!strchr(line, '\n') && !feof(in))
			reason = "it is too long";
		else
			reason = add_line(tokens, line);
		explicit_bzero(line, sizeof(line));
		if (!reason)
			continue;
		(void)snprintf(ret_reason, TOKENS_REASON_SIZE, "line %d: %s", number, reason);
		return -EINVAL;
	}
	return ferror(in) ? -EIO : 0;
}

int tokens_read(const char *path, struct tokens *tokens, char ret_reason[TOKENS_REASON_SIZE])
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(cleanup_file) FILE *in = NULL;
	struct stat status;
	int err;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode)) {
		(void)snprintf(ret_reason, TOKENS_REASON_SIZE, "it is not a regular file");
		return -EINVAL;
	}
	if (status.st_mode & S_IRWXO) {
		(void)snprintf(ret_reason, TOKENS_REASON_SIZE, "others may read it: chmod o-rwx");
		return -EPERM;
	}
	in = fdopen(fd, "r");
	if (!in)
		return -errno;
	/* Its buffer would keep them. */
	(void)setvbuf(in, NULL, _IONBF, 0);
	(void)TAKE_FD(fd);
	err = read_lines(in, tokens, ret_reason);
	if (!err && !tokens->count) {
		(void)snprintf(ret_reason, TOKENS_REASON_SIZE, "there is no token in it");
		return -EINVAL;
	}
	return err;
}

unsigned int tokens_rights(const struct tokens *tokens, const char *token, size_t *ret_who)
{
	unsigned char asked[TOKEN_MAX] = { 0 };
	size_t length = strnlen(token, TOKEN_MAX + 1);
	unsigned int rights = 0;
	size_t who = 0;

	*ret_who = 0;
	if (length > TOKEN_MAX)
		return 0;
	memcpy(asked, token, length);
	for (size_t i = 0; i < tokens->count; i++) {
		unsigned int differs = 0;

		for (size_t at = 0; at < TOKEN_MAX; at++)
			differs |= (unsigned int)(asked[at] ^ tokens->list[i].bytes[at]);
		/* Without a branch: 0 becomes all ones. */
		rights |= tokens->list[i].rights & ((differs - 1) >> 8);
		who |= i & -(size_t)(((differs - 1) >> 8) & 1);
	}
	*ret_who = who;
	explicit_bzero(asked, sizeof(asked));
	return rights;
}
