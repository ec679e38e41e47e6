/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc says of threads. A process whose first thread has ended goes on with the others; until
 * they have ended, too, the number of the process is that of a zombie, which has neither memory nor
 * a root directory. Those are found by the number of any other thread.
 */
#ifndef EPROF_AGENT_PROCESS_THREADS_H
#define EPROF_AGENT_PROCESS_THREADS_H

#include <stdbool.h>
#include <stdint.h>

struct process_thread {
	int32_t pid;    /* the process it belongs to */
	bool has_ended; /* a zombie */
	bool is_kernel; /* a kernel thread; false when that cannot be read */
};

/* root is put before "/proc": "". 0 or -ESRCH. */
int process_thread_read(const char *root, int32_t tid, struct process_thread *ret);

/*
 * A thread that is alive, of a process whose first one has ended; 0 when the first one is alive, or
 * none is.
 */
int32_t process_threads_living(const char *root, int32_t pid);

/*
 * Opens /proc/PID/NAME, or where there is none as the first thread has ended, that of a thread that
 * is alive. The descriptor is the caller's; -errno. O_CLOEXEC is added.
 */
int process_open(int32_t pid, const char *name, int flags);

#endif
