/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses whose names may come later, as runtimes write names late, or only when asked to. In a
 * call tree a made-up name stands for each, which nobody else can have; when the tree is finished
 * it is replaced.
 */
#ifndef EPROF_AGENT_LATE_NAMES_H
#define EPROF_AGENT_LATE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/frame.h"

struct late_names;

int late_names_new(struct late_names **ret);
void late_names_free(struct late_names *names); /* NULL is fine */

/*
 * What stands for an address of an owner, first seen at a time: always the same string, until
 * late_names_clear(). NULL: there are too many, or there is no memory.
 */
const char *late_names_add(struct late_names *names, uint64_t owner, uint64_t time_ns,
			   uint64_t address);

/* The name of an address at a time, copied; NULL: still none. */
typedef const char *(*late_names_source)(void *context, uint64_t time_ns, uint64_t address);

/* Asks for all of an owner that have no name yet. The first name is the last. */
void late_names_settle(struct late_names *names, uint64_t owner, late_names_source source,
		       void *context);

/*
 * Puts the name in place of what stands for it: FRAME_JIT, or "[anon]" if there is none. False: it
 * is no such frame. Strings live until late_names_clear().
 */
bool late_names_replace(const struct late_names *names, struct frame *frame);

/* How many addresses there are, and how often those were asked for that have no name. */
uint64_t late_names_count(const struct late_names *names);
uint64_t late_names_unnamed(const struct late_names *names);

/* Forgets all. */
void late_names_clear(struct late_names *names);

#endif
