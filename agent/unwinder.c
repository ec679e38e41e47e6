/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwinder.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/limits.h"
#include "agent/processes.h"
#include "base/cleanup.h"
#include "base/hashmap.h"

/* Number 0: code without a file, walked along frame pointers. */
#define SLOT_NONE 0

struct unwinder {
	struct unwinder_options options;
	struct unwind_tables *tables;
	struct unwind_bindings *bindings;
	struct ring_buffer *wants;
	uint32_t *clock;
	struct hashmap slots; /* module -> slot */
	struct unwind_mapping *rows;
	size_t row_capacity;
	/* Files for which there was no slot, or no descriptor; read by any thread. */
	uint64_t slotless, no_descriptor;
};

static void cleanup_unwinder(struct unwinder **unwinder)
{
	unwinder_free(*unwinder);
}

static int take_want(void *context, void *data, size_t size)
{
	struct unwinder *unwinder = context;
	uint32_t slot;

	if (size < sizeof(slot))
		return 0;
	memcpy(&slot, data, sizeof(slot));
	unwind_tables_want(unwinder->tables, slot, UNWIND_NOW, unwinder->options.is_pinned);
	return 0;
}

int unwinder_new(const struct unwind_maps *maps, const struct unwinder_options *options,
		 struct unwinder **ret)
{
	CLEANUP(cleanup_unwinder) struct unwinder *unwinder = calloc(1, sizeof(*unwinder));
	int err;

	if (!unwinder)
		return -ENOMEM;
	unwinder->options = *options;
	unwinder->clock = maps->clock;
	*unwinder->clock = 1;
	err = unwind_tables_new(&maps->tables, options->bytes_max, &unwinder->tables);
	if (err < 0)
		return err;
	err = unwind_bindings_new(maps->processes_fd, maps->mappings_fd, maps->mappings,
				  &unwinder->bindings);
	if (err < 0)
		return err;
	unwinder->wants = ring_buffer__new(maps->wants_fd, take_want, unwinder, NULL);
	if (!unwinder->wants)
		return -errno;
	*ret = TAKE(unwinder);
	return 0;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	ring_buffer__free(unwinder->wants);
	unwind_bindings_free(unwinder->bindings);
	unwind_tables_free(unwinder->tables);
	hashmap_done(&unwinder->slots);
	free(unwinder->rows);
	free(unwinder);
}

static uint32_t add_slot(struct unwinder *unwinder, struct module *module)
{
	int fd = module_dup_fd(module);
	uint32_t slot;

	if (fd >= 0 && limits_is_last_file(fd)) {
		(void)close(fd);
		fd = -EMFILE;
	}
	if (fd == -EMFILE || fd == -ENFILE) {
		__atomic_fetch_add(&unwinder->no_descriptor, 1, __ATOMIC_RELAXED);
		return UNWIND_SLOT_UNUSABLE;
	}
	if (fd < 0 || unwind_tables_add(unwinder->tables, fd, module_name(module), &slot) < 0) {
		__atomic_fetch_add(&unwinder->slotless, 1, __ATOMIC_RELAXED);
		return UNWIND_SLOT_UNUSABLE;
	}
	return slot;
}

uint32_t unwinder_add(struct unwinder *unwinder, struct module *module)
{
	uint64_t known;
	uint32_t slot;

	if (hashmap_get(&unwinder->slots, (uintptr_t)module, &known))
		return (uint32_t)known;
	slot = add_slot(unwinder, module);
	/* Without memory it gets another slot the next time: a waste, no mistake. */
	(void)hashmap_put(&unwinder->slots, (uintptr_t)module, slot);
	return slot;
}

static int make_rows(struct unwinder *unwinder, const struct mapping *mappings, size_t count)
{
	if (count > unwinder->row_capacity) {
		struct unwind_mapping *rows =
			realloc(unwinder->rows, count * sizeof(*unwinder->rows));

		if (!rows)
			return -ENOMEM;
		unwinder->rows = rows;
		unwinder->row_capacity = count;
	}
	for (size_t i = 0; i < count; i++) {
		const struct mapping *mapping = &mappings[i];
		struct unwind_mapping *row = &unwinder->rows[i];

		*row = (struct unwind_mapping){ .start = mapping->start,
						.end = mapping->end,
						.slot = mapping->binary->unwind_slot };
		if (row->slot == SLOT_NONE)
			continue;
		row->address = module_mapped_address(mapping->binary->module, mapping->file_offset,
						     mapping->end - mapping->start);
		unwind_tables_want(unwinder->tables, row->slot, UNWIND_AHEAD,
				   unwinder->options.is_pinned);
	}
	return 0;
}

int unwinder_bind(struct unwinder *unwinder, int32_t pid, const struct mapping *mappings,
		  size_t count, struct unwind_run *run)
{
	int err;

	if (!count) {
		unwind_bindings_drop(unwinder->bindings, pid, run);
		return 0;
	}
	err = make_rows(unwinder, mappings, count);
	if (err < 0)
		return err;
	/* Without room its stacks say that they wait for a table. */
	(void)unwind_bindings_set(unwinder->bindings, pid, unwinder->rows, count, run);
	return 0;
}

void unwinder_unbind(struct unwinder *unwinder, int32_t pid, struct unwind_run *run)
{
	unwind_bindings_drop(unwinder->bindings, pid, run);
}

void unwinder_wait(struct unwinder *unwinder, uint32_t timeout_ms)
{
	unwind_tables_wait(unwinder->tables, timeout_ms);
}

int unwinder_watch(const struct unwinder *unwinder, int epoll_fd, uint64_t data)
{
	int fd = ring_buffer__epoll_fd(unwinder->wants);
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = data | (uint64_t)(uint32_t)fd << 32 };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int unwinder_answer(struct unwinder *unwinder)
{
	int count = ring_buffer__consume(unwinder->wants);

	return count < 0 ? count : 0;
}

void unwinder_tick(struct unwinder *unwinder)
{
	__atomic_store_n(unwinder->clock, *unwinder->clock + 1, __ATOMIC_RELAXED);
	unwind_tables_collect(unwinder->tables);
}

void unwinder_read_stats(struct unwinder *unwinder, struct unwinder_stats *ret)
{
	unwind_tables_read_stats(unwinder->tables, &ret->tables);
	ret->unbound = unwind_bindings_dropped(unwinder->bindings) +
		       __atomic_load_n(&unwinder->slotless, __ATOMIC_RELAXED);
	ret->no_descriptor = __atomic_load_n(&unwinder->no_descriptor, __ATOMIC_RELAXED);
	ret->left_out = unwind_bindings_left_out(unwinder->bindings);
}
