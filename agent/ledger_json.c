/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ledger_json.h"

#include <inttypes.h>
#include <string.h>

#include "flamegraph/text.h"

/* An object that is being written. */
struct object {
	FILE *out;
	bool is_begun;
};

static void put_key(struct object *object, const char *name)
{
	text_put(object->out, object->is_begun ? ", " : "{ ");
	object->is_begun = true;
	text_put_json(object->out, name);
	text_put(object->out, ": ");
}

static void put_count(struct object *object, const char *name, uint64_t count)
{
	put_key(object, name);
	text_put_u64(object->out, count);
}

static void put_bool(struct object *object, const char *name, bool value)
{
	put_key(object, name);
	text_put(object->out, value ? "true" : "false");
}

static void put_name(struct object *object, const char *name, const char comm[COMM_SIZE])
{
	char text[COMM_SIZE + 1] = "";

	memcpy(text, comm, COMM_SIZE);
	put_key(object, name);
	text_put_json(object->out, text);
}

static void put_times(struct object *object, const struct ledger_row *row)
{
	FILE *out = object->out;
	struct object states = { .out = out };

	put_bool(object, "whole", row->is_whole);
	put_count(object, "wall_ns", row->wall_ns);
	put_count(object, "on_cpu_ns", row->times.on_ns);
	put_key(object, "off_cpu_ns");
	for (int i = 0; i < OFF_STATE_COUNT; i++)
		put_count(&states, off_state_name((enum off_state)i), row->times.off_ns[i]);
	text_put(out, " }");
	put_count(object, "intervals", row->times.intervals);
	put_key(object, "interval_us_log2");
	for (int i = 0; i < OFF_LENGTHS; i++) {
		text_put(out, i ? ", " : "[");
		text_put_u64(out, row->times.lengths[i]);
	}
	text_put(out, "]");
}

static void put_thread(FILE *out, const struct ledger_row *row)
{
	struct object object = { .out = out };

	put_count(&object, "tid", row->tid);
	put_name(&object, "name", row->thread_name);
	put_times(&object, row);
	text_put(out, " }");
}

/* What has no row of its own: beyond what is written, and beyond what was kept. */
static void put_others(struct object *object, const struct ledger_process *process)
{
	struct object others = { .out = object->out };
	struct ledger_row sum = { .is_whole = true };
	uint64_t count = process->other_count;

	if (process->others)
		ledger_row_add(&sum, process->others);
	for (size_t i = LEDGER_JSON_THREADS_MAX; i < process->thread_count; i++, count++)
		ledger_row_add(&sum, process->threads[i]);
	put_key(object, "other_threads");
	if (count == 0) {
		text_put(object->out, "null");
		return;
	}
	put_count(&others, "threads", count);
	put_times(&others, &sum);
	text_put(object->out, " }");
}

static void put_process(FILE *out, const struct ledger_process *process)
{
	struct object object = { .out = out };

	put_count(&object, "pid", process->sum.tgid);
	put_name(&object, "name", process->sum.process_name);
	put_count(&object, "threads", process->thread_count + process->other_count);
	put_times(&object, &process->sum);
	put_others(&object, process);
	put_key(&object, "thread_rows");
	text_put(out, "[");
	for (size_t i = 0; i < process->thread_count && i < LEDGER_JSON_THREADS_MAX; i++) {
		text_put(out, i ? ",\n\t\t\t" : "\n\t\t\t");
		put_thread(out, process->threads[i]);
	}
	text_put(out, "] }");
}

int ledger_json_write(struct ledger *ledger, FILE *out)
{
	const struct ledger_process *processes;
	struct object object = { .out = out };
	size_t count;
	int err = ledger_processes(ledger, &processes, &count);

	if (err < 0)
		return err;
	put_key(&object, "clock");
	text_put_json(out, "scheduler");
	put_key(&object, "processes");
	text_put(out, "[");
	for (size_t i = 0; i < count; i++) {
		text_put(out, i ? ",\n\t\t" : "\n\t\t");
		put_process(out, &processes[i]);
	}
	text_put(out, "] }");
	return 0;
}
