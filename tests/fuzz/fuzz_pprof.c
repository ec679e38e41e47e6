/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "flamegraph/flamegraph.h"
#include "flamegraph/pprof_read.h"

/* So large a tree is not written: that is another program's time. */
#define NODES_MAX 10000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failure has a reason, and leaves a tree that adds up. */
static int read_once(const void *bytes, size_t size, const char *type, struct call_tree *tree)
{
	struct pprof_reason reason = { "" };
	struct pprof_options options = { .sample_type = type, .reason = &reason };
	struct pprof_contents contents = { 0 };
	FILE *in = size ? fmemopen((void *)bytes, size, "r") : fopen("/dev/null", "r");
	int err;

	if (!in)
		abort();
	err = pprof_read(in, tree, &options, &contents);
	call_tree_check(tree);
	if ((err < 0) != (reason.text[0] != '\0') || (err < 0) != (contents.type == NULL))
		abort();
	pprof_contents_done(&contents);
	(void)fclose(in);
	return err;
}

/* What was read is written, and read again. */
static void check_round_trip(struct call_tree *tree)
{
	static const struct pprof_info info = { .sample_type = "samples",
						.value_type = "cpu",
						.period_ns = 1 };
	struct call_tree *back;
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	if (!out || call_tree_new(&back) < 0 || call_tree_sort(tree) < 0)
		abort();
	if (pprof_write(tree, &info, out) < 0 || fclose(out) != 0)
		abort();
	if (read_once(bytes, size, "samples", back) < 0 ||
	    call_tree_node(back, 0)->total != call_tree_node(tree, 0)->total)
		abort();
	call_tree_free(back);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct call_tree *tree;

	if (call_tree_new(&tree) < 0)
		abort();
	if (read_once(data, size, NULL, tree) == 0 && call_tree_node_count(tree) <= NODES_MAX &&
	    call_tree_node(tree, 0)->total <= INT64_MAX)
		check_round_trip(tree);
	call_tree_free(tree);
	return 0;
}
