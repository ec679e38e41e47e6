/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_code.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/lock.h"

/* Who loads programs can load any number. A machine that is watched by BPF has some hundred. */
#define PIECES_MAX 4096

struct piece {
	uint64_t start, end;
	/*
	 * UINT64_MAX: still there. Since when is not kept: samples that are counted together tell
	 * when the first of them was taken, and the last may have been in what came after that.
	 */
	uint64_t until_ns;
	char *name;
};

struct kernel_code {
	pthread_mutex_t lock; /* of all below */
	struct piece *pieces; /* PIECES_MAX; memory that is never written costs nothing */
	size_t count;
	uint64_t low, high; /* all pieces lie in [low, high): most addresses do not */
	uint64_t dropped;
};

int kernel_code_new(struct kernel_code **ret)
{
	CLEANUP(cleanup_free) struct kernel_code *code = calloc(1, sizeof(*code));

	if (!code)
		return -ENOMEM;
	code->pieces = calloc(PIECES_MAX, sizeof(*code->pieces));
	if (!code->pieces)
		return -ENOMEM;
	lock_init(&code->lock);
	code->low = UINT64_MAX;
	*ret = TAKE(code);
	return 0;
}

void kernel_code_free(struct kernel_code *code)
{
	if (!code)
		return;
	for (size_t i = 0; i < code->count; i++)
		free(code->pieces[i].name);
	free(code->pieces);
	(void)pthread_mutex_destroy(&code->lock);
	free(code);
}

/* The piece that a record says is gone, if we have heard of it coming. */
static struct piece *find_alive(const struct kernel_code *code,
				const struct sideband_record *record)
{
	for (size_t i = 0; i < code->count; i++) {
		struct piece *piece = &code->pieces[i];

		if (piece->until_ns == UINT64_MAX && piece->start == record->start &&
		    !strcmp(piece->name, record->path))
			return piece;
	}
	return NULL;
}

static void add(struct kernel_code *code, const struct sideband_record *record)
{
	struct piece piece = { .start = record->start, .end = record->start + record->length };

	if (code->count < PIECES_MAX)
		piece.name = strdup(record->path);
	if (!piece.name) {
		code->dropped++;
		return;
	}
	piece.until_ns = record->is_gone ? record->time_ns : UINT64_MAX;
	code->pieces[code->count++] = piece;
	if (piece.start < code->low)
		code->low = piece.start;
	if (piece.end > code->high)
		code->high = piece.end;
}

void kernel_code_apply(struct kernel_code *code, const struct sideband_record *record)
{
	struct piece *piece;

	if (!record->length || record->start + record->length < record->start)
		return;
	(void)pthread_mutex_lock(&code->lock);
	piece = record->is_gone ? find_alive(code, record) : NULL;
	if (piece)
		piece->until_ns = record->time_ns;
	else
		add(code, record);
	(void)pthread_mutex_unlock(&code->lock);
}

static enum kernel_code_found find(const struct kernel_code *code, uint64_t address,
				   uint64_t since_ns, const char **ret_name)
{
	const char *name = NULL;

	if (address < code->low || address >= code->high)
		return KERNEL_CODE_UNKNOWN;
	for (size_t i = 0; i < code->count; i++) {
		const struct piece *piece = &code->pieces[i];

		if (address < piece->start || address >= piece->end || piece->until_ns < since_ns)
			continue;
		if (name && strcmp(name, piece->name) != 0)
			return KERNEL_CODE_AMBIGUOUS;
		name = piece->name;
	}
	if (!name)
		return KERNEL_CODE_UNKNOWN;
	*ret_name = name;
	return KERNEL_CODE_NAMED;
}

enum kernel_code_found kernel_code_find(struct kernel_code *code, uint64_t address,
					uint64_t since_ns, const char **ret_name)
{
	enum kernel_code_found found;

	(void)pthread_mutex_lock(&code->lock);
	found = find(code, address, since_ns, ret_name);
	(void)pthread_mutex_unlock(&code->lock);
	return found;
}

static void forget(struct kernel_code *code, uint64_t before_ns)
{
	size_t kept = 0;

	code->low = UINT64_MAX;
	code->high = 0;
	for (size_t i = 0; i < code->count; i++) {
		struct piece piece = code->pieces[i];

		if (piece.until_ns < before_ns) {
			free(piece.name);
			continue;
		}
		code->low = piece.start < code->low ? piece.start : code->low;
		code->high = piece.end > code->high ? piece.end : code->high;
		code->pieces[kept++] = piece;
	}
	code->count = kept;
}

void kernel_code_forget(struct kernel_code *code, uint64_t before_ns)
{
	(void)pthread_mutex_lock(&code->lock);
	if (code->count)
		forget(code, before_ns);
	(void)pthread_mutex_unlock(&code->lock);
}

uint64_t kernel_code_dropped(struct kernel_code *code)
{
	uint64_t dropped;

	(void)pthread_mutex_lock(&code->lock);
	dropped = code->dropped;
	(void)pthread_mutex_unlock(&code->lock);
	return dropped;
}
