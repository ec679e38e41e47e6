/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may write, and who may read: a file of lines "NAME RIGHT TOKEN", where RIGHT is write, read
 * or all; '#' begins a comment. NAME is for people. Tokens have 16 to 256 bytes.
 */
#ifndef EPROF_WEB_TOKENS_H
#define EPROF_WEB_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

enum token_right { TOKEN_WRITE = 1, TOKEN_READ = 2 };

struct token;

/* The zero value is empty. */
struct tokens {
	struct token *list;
	size_t count, capacity;
};

#define TOKENS_REASON_SIZE 256

/*
 * Adds what the file has, which others may not read. 0, -errno of the file, -EPERM (others may read
 * it) or -EINVAL; ret_reason: why, in words, of the last two.
 */
int tokens_read(const char *path, struct tokens *tokens, char ret_reason[TOKENS_REASON_SIZE]);
void tokens_done(struct tokens *tokens);

/* Its rights, and its place in the list; 0: nobody has that token. Takes as long for a wrong one as
 * for another. */
unsigned int tokens_rights(const struct tokens *tokens, const char *token, size_t *ret_who);

#endif
