/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the processes or threads of -p and -t are there, and what can be recorded of them. */
#include "agent/preflight.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/log.h"
#include "agent/process_threads.h"

static int check_alive(const char *root, bool is_pid, int32_t id,
		       const struct process_thread *thread)
{
	if (!thread->has_ended || (is_pid && process_threads_living(root, id)))
		return 0;
	log_error("%s %" PRId32 " has ended (it is a zombie)", is_pid ? "process" : "thread", id);
	return -ESRCH;
}

/* Their time off a CPU is looked at by one option only; running they are like others. */
static int check_kernel_thread(const struct record_options *options, int32_t id,
			       const struct process_thread *thread)
{
	static const char text[] = "%s %" PRId32 " is a kernel thread; its time off a CPU is "
				   "recorded with -a --kernel-threads only";
	const char *what = options->target == TARGET_PIDS ? "pid" : "tid";

	if (!thread->is_kernel || !options->off_cpu)
		return 0;
	if (options->on_cpu) {
		log_warning(text, what, id);
		return 0;
	}
	log_error(text, what, id);
	return -ENOTSUP;
}

static int check_id(const char *root, const struct record_options *options, int32_t id)
{
	bool is_pid = options->target == TARGET_PIDS;
	struct process_thread thread;
	int err;

	if (process_thread_read(root, id, &thread) < 0) {
		log_error("no such %s %" PRId32, is_pid ? "process" : "thread", id);
		return -ESRCH;
	}
	if (is_pid && thread.pid != id) {
		log_error("%" PRId32 " is a thread of process %" PRId32 "; use -t %" PRId32
			  " or -p %" PRId32,
			  id, thread.pid, id, thread.pid);
		return -EINVAL;
	}
	err = check_alive(root, is_pid, id, &thread);
	return err < 0 ? err : check_kernel_thread(options, id, &thread);
}

int preflight_ids(const char *root, const struct record_options *options)
{
	for (size_t i = 0; i < options->id_count; i++) {
		int err = check_id(root, options, options->ids[i]);

		if (err < 0)
			return err;
	}
	return 0;
}
