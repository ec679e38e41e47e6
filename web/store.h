/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where eprof-server keeps profiles: what they say and how they are asked for, whichever engine
 * keeps them. A profile is what one service on one host did in one window of time, of one kind; all
 * its counts are in one unit. Thread-safe: any thread may call any of these at any time.
 */
#ifndef EPROF_WEB_STORE_H
#define EPROF_WEB_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flamegraph/call_tree.h"

/* Limits of what is kept; beyond them -E2BIG. Texts are UTF-8, bytes are without the last 0. */
#define STORE_ID_MAX         128
#define STORE_NAME_MAX       255  /* of a service, a host, a kind and a label's name */
#define STORE_VALUE_MAX      1024 /* of a label */
#define STORE_LABELS_MAX     64
#define STORE_MATCHERS_MAX   256
#define STORE_STEPS_MAX      100000                 /* of a time series */
#define STORE_WINDOW_MAX     86400                  /* seconds */
#define STORE_TIME_MAX       UINT64_C(253402300799) /* seconds since 1970: the year 9999 */
/* A frame's name, its file and its module: what is longer is cut there. */
#define STORE_FRAME_TEXT_MAX 8192

/* Of one profile: a window of a large service has some ten thousand. And of what is merged: some
 * 500 MB; a month of a large service has a tenth of it. */
#define STORE_NODES_MAX        (1u << 20)
#define STORE_MERGED_NODES_MAX (1u << 22)

/* What a profile may count, all together: of 1,000 CPUs and a day it is less. */
#define STORE_TOTAL_MAX (INT64_C(1) << 57)

struct store_label {
	const char *name, *value;
};

/* What is handed in; all is borrowed. */
struct store_profile {
	/* The same id, of a window that begins on the same day, and with the same names and labels,
	 * is the same profile, sent again. */
	const char *id;
	const char *service, *host;
	const char *kind;                 /* "on-cpu", "off-cpu" or another one's */
	const char *unit;                 /* of the counts: "nanoseconds", "bytes" */
	const struct store_label *labels; /* sorted by name, none twice, and none of the above */
	size_t label_count;
	uint64_t from_s, until_s;     /* since 1970, until_s > from_s */
	const struct call_tree *tree; /* without decimals, of at most STORE_NODES_MAX */
};

/*
 * Which profiles: those of the kind whose windows overlap [from_s, until_s) and which have, for
 * each name among the matchers, one of its values. "service" and "host" are names as those of
 * labels are. All is borrowed.
 */
struct store_selector {
	const char *kind; /* NULL: all, where an answer does not add counts up */
	uint64_t from_s, until_s;
	const struct store_label *matchers; /* sorted by name */
	size_t matcher_count;
};

/* Whether a name is not for a label: "service", "host" and "kind" are asked for as labels are. */
bool store_is_own_label(const char *name);

/* What was merged. */
struct store_merged {
	uint64_t profiles;        /* that were sent, also where several have become one window */
	uint64_t from_s, until_s; /* of all their windows together; 0, 0: there was none */
	char unit[STORE_NAME_MAX + 1];
};

struct store;

/* Each takes a store that store_open_...() gave. NULL is fine. */
void store_close(struct store *store);

/*
 * Keeps a profile; when it returns, it is on the disk. 0; -EEXIST: the store has one of this id,
 * and nothing changes; -EINVAL or -E2BIG: a limit; -ENOSPC; otherwise -errno, and it is not known
 * whether it was kept: the same call again is harmless.
 */
int store_put(struct store *store, const struct store_profile *profile);

/*
 * Adds all profiles of the selector to tree, which is not sorted afterwards. 0; -EINVAL: no kind;
 * -EMEDIUMTYPE: their units differ; -E2BIG: more than STORE_MERGED_NODES_MAX, or what an engine can
 * hold; -EOVERFLOW as call_tree_add(); or -errno. *ret is written on success.
 */
int store_merge(struct store *store, const struct store_selector *selector, struct call_tree *tree,
		struct store_merged *ret);

/*
 * The time series of a selection: what its windows count in each step, by the values of the label
 * `by` (NULL: all together) and by the state of threads that wait ("" on a CPU). A window that lies
 * in several steps has its count shared among them by time. A point may come in several parts, in
 * any order; steps without any, or outside of the selection, are left out. Ends at the first
 * callback that is < 0, and returns it.
 */
struct store_point {
	uint64_t at_s;     /* when the step begins: a multiple of it */
	const char *value; /* of the label, or "" */
	const char *state; /* "", "sleep", "uninterruptible", "runqueue", ... */
	const char *unit;
	uint64_t count;
};
typedef int (*store_point_handler)(void *context, const struct store_point *point);
int store_series(struct store *store, const struct store_selector *selector, uint64_t step_s,
		 const char *by, store_point_handler handler, void *context);

/* The values that a label (or "service", "host", "kind") has in a selection, in the order of their
 * bytes; name NULL: the names of labels. */
typedef int (*store_text_handler)(void *context, const char *text);
int store_values(struct store *store, const struct store_selector *selector, const char *name,
		 store_text_handler handler, void *context);

/* What is older than that goes. 0 or -errno. */
int store_delete_before(struct store *store, uint64_t time_s);

/*
 * Windows of one series that begin in the same step become one, where the step is over before
 * before_s: the sums stay, and when exactly is forgotten. step_s divides a day. Not for two threads
 * at once. Ends soon when *stop becomes true; what is done by then stays. 0 or -errno, of one of
 * the days; the others are as they should be.
 */
int store_coarsen(struct store *store, uint64_t before_s, uint64_t step_s, const atomic_bool *stop);

/* Another number whenever what is kept of that time may have changed; 0: it is not known. */
uint64_t store_version(struct store *store, uint64_t from_s, uint64_t until_s);

/* What it takes, and since when. 0 or -errno. */
struct store_extent {
	uint64_t bytes;
	uint64_t oldest_s; /* nothing is older, and not everything younger than a day after it; 0:
			      there is nothing */
};
int store_extent(struct store *store, struct store_extent *ret);

#endif
