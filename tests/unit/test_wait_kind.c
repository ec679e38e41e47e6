/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/wait_kind.h"

#include "tests/unit/stack.h"

#define SYSCALL  "entry_SYSCALL_64_after_hwframe_[k];do_syscall_64_[k];"
#define SCHEDULE ";schedule_[k];__schedule_[k]"
#define FUTEX    SYSCALL "__x64_sys_futex_[k];do_futex_[k];futex_wait_[k];futex_do_wait_[k]" SCHEDULE
#define EPOLL    SYSCALL "__x64_sys_epoll_wait_[k];do_epoll_wait_[k];ep_poll_[k]" SCHEDULE
#define POLL     SYSCALL "__x64_sys_poll_[k];do_sys_poll_[k];poll_schedule_timeout_[k]" SCHEDULE
#define NANO     SYSCALL "__x64_sys_clock_nanosleep_[k];hrtimer_nanosleep_[k];do_nanosleep_[k]" SCHEDULE
#define READ     SYSCALL "__x64_sys_read_[k];ksys_read_[k];vfs_read_[k];"
#define FAULT    "asm_exc_page_fault_[k];exc_page_fault_[k];do_user_addr_fault_[k];"

static void the_innermost_kernel_function_that_says_something_decides(void **state)
{
	(void)state;
	check_kind("a;main;read;" READ "pipe_read_[k]" SCHEDULE, WAIT_NETWORK);
	check_kind("a;main;read;" READ "anon_pipe_read_[k];mutex_lock_[k]" SCHEDULE, WAIT_LOCK);
	check_kind("a;main;read;" READ "ext4_file_read_iter_[k];folio_wait_bit_common_[k];"
		   "io_schedule_[k]" SCHEDULE,
		   WAIT_IO);
	check_kind("a;main;read;" READ "ext4_file_read_iter_[k];down_read_[k];"
		   "rwsem_down_read_slowpath_[k]" SCHEDULE,
		   WAIT_LOCK);
	check_kind("a;main;recv;" SYSCALL "__x64_sys_recvfrom_[k];__sys_recvfrom_[k];"
		   "sock_recvmsg_[k];tcp_recvmsg_[k];sk_wait_data_[k];wait_woken_[k]" SCHEDULE,
		   WAIT_NETWORK);
	check_kind("a;main;sleep;work;f;g;h;" NANO, WAIT_SLEEP);
	check_kind("a;main;f;" SYSCALL "__x64_sys_brk_[k]" SCHEDULE, WAIT_OTHER);
	check_kind("a;main;f;" FAULT "handle_mm_fault_[k];filemap_fault_[k]" SCHEDULE, WAIT_IO);
	check_kind("a;main;f;" FAULT "down_read_[k]" SCHEDULE, WAIT_LOCK);
	check_kind("a;main;f;g;h;i;pthread_cond_wait;" SYSCALL
		   "__x64_sys_futex_[k];do_futex_[k];" FAULT "folio_wait_bit_common_[k]" SCHEDULE,
		   WAIT_IO);
	check_kind("", WAIT_OTHER);
	check_kind("a", WAIT_OTHER);
}

static void names_of_other_architectures_and_compilers_are_the_same(void **state)
{
	(void)state;
	check_kind("a;main;f;g;h;i;poll;el0t_64_sync_[k];invoke_syscall_[k];__arm64_sys_ppoll_[k]",
		   WAIT_NETWORK);
	check_kind("a;main;f;__arm64_sys_futex_[k]", WAIT_LOCK);
	check_kind("a;main;f;__ia32_compat_sys_epoll_pwait_[k]", WAIT_WORK);
	check_kind("a;main;f;__se_sys_fsync_[k]", WAIT_IO);
	check_kind("a;main;f;el0_da_[k];do_mem_abort_[k];do_page_fault_[k]", WAIT_IO);
	check_kind("a;main;f;__mutex_lock.constprop.0_[k]", WAIT_LOCK);
	check_kind("a;main;f;do_sigtimedwait.isra.0_[k]", WAIT_WORK);
	check_kind("a;main;f;pipe_read.part.0_[k]", WAIT_NETWORK);
	check_kind("a;main;f;futex_wait_queue_me_[k]", WAIT_LOCK);
}

static void waiting_for_whatever_comes_is_waiting_for_work(void **state)
{
	(void)state;
	check_kind("redis;main;aeMain;aeProcessEvents;aeApiPoll;epoll_wait;" EPOLL, WAIT_WORK);
	check_kind("a;main;f;g;h;i;j;epoll_wait;" EPOLL, WAIT_WORK);
	check_kind("a;main;f;g;h;i;accept;" SYSCALL "__x64_sys_accept_[k];__sys_accept4_[k];"
		   "do_accept_[k];inet_accept_[k];inet_csk_accept_[k]" SCHEDULE,
		   WAIT_WORK);
	check_kind("a;main;f;accept;" SYSCALL "unix_accept_[k];__skb_wait_for_more_packets_[k]",
		   WAIT_WORK);
	check_kind("sh;main;f;g;h;wait4;" SYSCALL "__x64_sys_wait4_[k];do_wait_[k]" SCHEDULE,
		   WAIT_WORK);
	check_kind("a;main;pause;" SYSCALL "__x64_sys_pause_[k]" SCHEDULE, WAIT_WORK);
	check_kind("sh;main;f;read;" READ "tty_read_[k];n_tty_read_[k];wait_woken_[k]", WAIT_WORK);
	check_kind("kworker/0:1;ret_from_fork_[k];kthread_[k];worker_thread_[k]" SCHEDULE,
		   WAIT_WORK);
	check_kind("kworker/0:1;kthread_[k];worker_thread_[k];process_one_work_[k];f_[k]" SCHEDULE,
		   WAIT_OTHER);
	check_kind("kworker/0:1;kthread_[k];worker_thread_[k];process_one_work_[k];"
		   "ext4_end_io_rsv_work_[k]" SCHEDULE,
		   WAIT_IO);
}

static void a_futex_is_a_lock_but_for_a_condition_near_the_entry(void **state)
{
	(void)state;
	check_kind("a;start_thread;bioProcessBackgroundJobs;pthread_cond_wait;" FUTEX, WAIT_WORK);
	check_kind("a;start_thread;a;b;c;__pthread_cond_wait;" FUTEX, WAIT_WORK);
	check_kind("a;start_thread;a;b;c;d;pthread_cond_wait;" FUTEX, WAIT_LOCK);
	check_kind("a;start_thread;a;b;x_[i];y_[i];c;pthread_cond_wait;" FUTEX, WAIT_WORK);
	/* Where the stack begins is not known. */
	check_kind("a;worker;pthread_cond_wait;" FUTEX, WAIT_LOCK);
	check_kind("a;start_thread;worker;pthread_mutex_lock;__lll_lock_wait;" FUTEX, WAIT_LOCK);
	/* It has been woken and waits for the mutex. */
	check_kind("a;start_thread;worker;pthread_cond_wait;__lll_lock_wait;" FUTEX, WAIT_LOCK);
	check_kind("a;main;pthread_join;__pthread_clockjoin_ex;" FUTEX, WAIT_LOCK);
	check_kind("a;main;work;" FUTEX, WAIT_LOCK);
	check_kind("a;start_thread;worker;sem_wait@@GLIBC_2.34;" FUTEX, WAIT_WORK);
	check_kind("a;clone3;start_thread;execute_native_thread_routine;"
		   "Pool::run(int);std::condition_variable::wait(std::unique_lock<std::mutex>&);"
		   "__GI___pthread_cond_wait;" FUTEX,
		   WAIT_WORK);
	check_kind("a;start_thread;f;__restore_rt;handler;pthread_cond_wait;" FUTEX, WAIT_LOCK);
}

static void runtimes_fetch_work_in_functions_that_are_known(void **state)
{
	(void)state;
	check_kind("java;start_thread;call_stub;a;b;c;"
		   "java.util.concurrent.ThreadPoolExecutor.getTask;d;e;"
		   "java.util.concurrent.locks.LockSupport.park;pthread_cond_wait;" FUTEX,
		   WAIT_WORK);
	check_kind(
		"java;start_thread;call_stub;a;b;c;d;"
		"java.util.concurrent.FutureTask.get;java.util.concurrent.locks.LockSupport.park;"
		"pthread_cond_wait;" FUTEX,
		WAIT_LOCK);
	check_kind("app;runtime.mcall;runtime.park_m;runtime.schedule;runtime.findRunnable;"
		   "runtime.stopm;runtime.mPark;runtime.notesleep;runtime.futexsleep;"
		   "runtime.futex.abi0;" FUTEX,
		   WAIT_WORK);
	check_kind("app;runtime.goexit.abi0;main.f;g;h;i;j;runtime.lock2;runtime.futexsleep;"
		   "runtime.futex.abi0;" FUTEX,
		   WAIT_LOCK);
	check_kind("node;clone;start_thread;node::PlatformWorkerThread(void*);"
		   "node::TaskQueue<v8::Task>::BlockingPop();uv_cond_wait;pthread_cond_wait;" FUTEX,
		   WAIT_WORK);
	check_kind("app;start_thread;std::sys::backtrace::__rust_begin_short_backtrace;a;b;c;d;e;"
		   "tokio::runtime::scheduler::multi_thread::worker::Context::park_timeout;"
		   "tokio::runtime::scheduler::multi_thread::park::Parker::park;f;" FUTEX,
		   WAIT_WORK);
}

static void sleep_at_the_top_of_a_loop_is_waiting_for_work(void **state)
{
	(void)state;
	check_kind("cron;_start;main;sleep;clock_nanosleep;" NANO, WAIT_WORK);
	check_kind("cron;main;main_loop;sleep;clock_nanosleep;" NANO, WAIT_WORK);
	check_kind("a;main;serve;retry;usleep;clock_nanosleep;" NANO, WAIT_SLEEP);
	check_kind("a;usleep;clock_nanosleep;" NANO, WAIT_SLEEP);
}

static void poll_is_a_main_loop_or_the_network(void **state)
{
	(void)state;
	check_kind("a;main;loop;poll;" POLL, WAIT_WORK);
	check_kind("pgbench;main;threadRun;doTxn;f;PQgetResult;pqWait;poll;" POLL, WAIT_NETWORK);
	check_kind("a;main;gtk_main;f;g;h;g_main_context_poll;poll;" POLL, WAIT_WORK);
	check_kind("a;main;loop;" SYSCALL "__x64_sys_io_uring_enter_[k];io_cqring_wait_[k]",
		   WAIT_WORK);
	check_kind("a;main;a;b;c;d;" SYSCALL "__x64_sys_io_uring_enter_[k];io_cqring_wait_[k]",
		   WAIT_IO);
}

static void a_lock_that_is_waited_for_by_other_means_is_a_lock(void **state)
{
	(void)state;
	check_kind("postgres;main;f;ProcSleep;WaitLatch;WaitEventSetWait;epoll_wait;" EPOLL,
		   WAIT_LOCK);
	check_kind("postgres;main;LWLockAcquire;PGSemaphoreLock;sem_wait;" FUTEX, WAIT_LOCK);
	check_kind("postgres;main;ServerLoop;WaitEventSetWait;epoll_wait;" EPOLL, WAIT_WORK);
}

static void what_the_kernel_said_of_the_state_comes_first(void **state)
{
	(void)state;
	check_kind("a;main;epoll_wait;" EPOLL ";[runqueue]", WAIT_RUNQUEUE);
	check_kind("a;main;f;[runqueue]", WAIT_RUNQUEUE);
	check_kind("a;main;f;" FUTEX ";[stopped]", WAIT_OTHER);
	check_kind("a;main;f;" SYSCALL "__x64_sys_brk_[k]" SCHEDULE ";[uninterruptible]",
		   WAIT_OTHER);
	check_kind("a;main;f;[kernel]_[k];[uninterruptible]", WAIT_IO);
	check_kind("a;main;f;[uninterruptible]", WAIT_IO);
	check_kind("a;main;vfork;" SYSCALL "__x64_sys_vfork_[k];kernel_clone_[k];"
		   "wait_for_completion_state_[k];[uninterruptible]",
		   WAIT_OTHER);
	check_kind("a;main;f;" SYSCALL "down_read_[k]" SCHEDULE ";[uninterruptible]", WAIT_LOCK);
}

static void without_names_of_the_kernel_libc_decides(void **state)
{
	(void)state;
	check_kind("a;main;f;epoll_wait;[kernel]_[k]", WAIT_WORK);
	check_kind("a;main;f;epoll_wait", WAIT_WORK);
	check_kind("a;start_thread;worker;pthread_cond_wait;[kernel]_[k]", WAIT_WORK);
	check_kind("a;main;f;g;h;i;j;pthread_cond_wait;[kernel]_[k]", WAIT_LOCK);
	check_kind("a;main;f;__GI___libc_recv;[kernel]_[k]", WAIT_OTHER);
	check_kind("a;main;f;__recv;[kernel]_[k]", WAIT_NETWORK);
	check_kind("a;main;f;fsync;[kernel]_[k]", WAIT_IO);
	check_kind("a;main;f;g;usleep;clock_nanosleep;[kernel]_[k]", WAIT_SLEEP);
	check_kind("a;main;f;read;[kernel]_[k]", WAIT_OTHER);
}

static void the_waker_does_not_say_what_the_sleeper_waited_for(void **state)
{
	(void)state;
	check_kind("a;main;f;" FUTEX ";--;ep_poll_[k];epoll_wait;main;b", WAIT_LOCK);
	check_kind("a;main;epoll_wait;" EPOLL ";--;futex_wake_[k];pthread_mutex_lock;b;[runqueue]",
		   WAIT_WORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_innermost_kernel_function_that_says_something_decides),
		cmocka_unit_test(names_of_other_architectures_and_compilers_are_the_same),
		cmocka_unit_test(waiting_for_whatever_comes_is_waiting_for_work),
		cmocka_unit_test(a_futex_is_a_lock_but_for_a_condition_near_the_entry),
		cmocka_unit_test(runtimes_fetch_work_in_functions_that_are_known),
		cmocka_unit_test(sleep_at_the_top_of_a_loop_is_waiting_for_work),
		cmocka_unit_test(poll_is_a_main_loop_or_the_network),
		cmocka_unit_test(a_lock_that_is_waited_for_by_other_means_is_a_lock),
		cmocka_unit_test(what_the_kernel_said_of_the_state_comes_first),
		cmocka_unit_test(without_names_of_the_kernel_libc_decides),
		cmocka_unit_test(the_waker_does_not_say_what_the_sleeper_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
