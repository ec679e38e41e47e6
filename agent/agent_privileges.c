/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent keeps of root, and why. Found by leaving out one at a time, on Linux 6.18: in
 * recordings of the whole machine, of programs of several users, in containers, deleted ones, those
 * that are set-user-ID or readable for their owner only; and call by call, as
 * tests/kernel/test_agent_privileges.py does it again.
 *
 * CAP_BPF makes maps (of unwind tables, as programs come) and loads programs (the one that names
 * kernel addresses). Before Linux 5.19 it is also wanted for all else of bpf(), such as reading a
 * map, where unprivileged_bpf_disabled is set.
 *
 * CAP_PERFMON opens events, when a CPU comes, and loads programs that trace: without it a new CPU
 * has no samples.
 *
 * CAP_SYS_PTRACE opens /proc/PID/root and map_files of others, reads the stacks of those that are
 * blocked, and, where CAP_PERFMON is not enough for it, /proc/PID/maps. Without it no sample of a
 * new container, or of code made at run time in a new process, had its names.
 *
 * CAP_DAC_READ_SEARCH opens what is for its owner only: programs in directories of mode 0700, as
 * homes are, or of modes 0700 and 0711 themselves, and perf maps of mode 0600. Without it no sample
 * of any of these had its names, and all of others had theirs, but for deleted programs: map_files
 * of others is such a directory, so that CAP_CHECKPOINT_RESTORE is worth nothing by itself. It
 * opens /etc/shadow as well.
 *
 * CAP_CHECKPOINT_RESTORE opens what is mapped by the mapping. Without it no sample of a program
 * that was deleted or replaced after it had been started, as by each upgrade, had its names.
 *
 * CAP_SYSLOG shows where the kernel's symbols are: without it all of the kernel is one frame.
 *
 * The first three have to be there. Whoever does not want CAP_DAC_READ_SEARCH, or one of the
 * others, leaves it out of the bounding set that we are started with.
 *
 * Not kept: CAP_SYS_ADMIN, for BPF statistics, and for looking up a map by its number, which is why
 * agent/blocked_walk.c is handed descriptors, and, on Debian and Ubuntu, for events, which is why
 * there is agent/event_opener.c; CAP_SYS_NICE, as the follower's priority goes by
 * limits that are raised here; CAP_SYS_RESOURCE and CAP_IPC_LOCK, by limits as well; CAP_KILL, as
 * we end our own children only.
 *
 * The process stays not dumpable, so that its files below /proc are root's and nobody's else:
 * others may be of the same user. Descriptors and the program below /proc/self are ours all the
 * same.
 */
#include "agent/agent_privileges.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent_sandbox.h"
#include "agent/limits.h"
#include "agent/log.h"
#include "agent/privileges.h"
#include "base/cleanup.h"

/* Of one user's entry, with all its strings; those of directories can be long. */
#define ENTRY_SIZE_MAX 65536

#define DEFAULT_USER "eprof"

/* The lowest of SCHED_FIFO, and the nice value -20 as RLIMIT_NICE has it
 * (agent/follower_priority.c). */
#define FIFO_PRIORITY 1
#define NICE_LIMIT    40

struct kept {
	unsigned int number;
	bool is_needed;
	const char *name;
	const char *loss; /* when it is not there */
};

static const struct kept kept[] = {
	{ CAP_BPF, true, "CAP_BPF", NULL },
	{ CAP_PERFMON, true, "CAP_PERFMON", NULL },
	{ CAP_SYS_PTRACE, true, "CAP_SYS_PTRACE", NULL },
	{ CAP_DAC_READ_SEARCH, false, "CAP_DAC_READ_SEARCH",
	  "programs that only their owner may read have no names" },
	{ CAP_CHECKPOINT_RESTORE, false, "CAP_CHECKPOINT_RESTORE",
	  "programs that were deleted or replaced have no names" },
	{ CAP_SYSLOG, false, "CAP_SYSLOG", "the kernel may hide its names" },
};

#define KEPT_COUNT (sizeof(kept) / sizeof(kept[0]))

/* -ENOENT: there is none. Where user databases fail there may be one all the same. */
static int find_entry(const char *name, uid_t uid, struct agent_user *ret)
{
	CLEANUP(cleanup_free) char *strings = malloc(ENTRY_SIZE_MAX);
	struct passwd entry, *found = NULL;
	int err;

	if (!strings)
		return -ENOMEM;
	err = name ? getpwnam_r(name, &entry, strings, ENTRY_SIZE_MAX, &found)
		   : getpwuid_r(uid, &entry, strings, ENTRY_SIZE_MAX, &found);
	if (!found)
		return err ? -err : -ENOENT;
	*ret = (struct agent_user){ .uid = entry.pw_uid, .gid = entry.pw_gid };
	return 0;
}

/* An id, up to *ret_end. The highest one means "no change" to the kernel. */
static bool parse_id(const char *text, uint32_t *ret, char **ret_end)
{
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, ret_end, 10);
	if (errno || value >= UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool parse_ids(const char *text, struct agent_user *ret)
{
	uint32_t uid, gid;
	char *end;

	if (!parse_id(text, &uid, &end))
		return false;
	if (!*end) {
		if (find_entry(NULL, uid, ret) < 0)
			*ret = (struct agent_user){ .uid = uid, .gid = uid };
		return true;
	}
	if (*end != ':' || !parse_id(end + 1, &gid, &end) || *end)
		return false;
	*ret = (struct agent_user){ .uid = uid, .gid = gid };
	return true;
}

static void find_default(struct agent_user *ret)
{
	if (geteuid() != 0)
		*ret = (struct agent_user){ .uid = geteuid(), .gid = getegid() };
	else if (find_entry(DEFAULT_USER, 0, ret) < 0 || ret->uid == 0)
		*ret = (struct agent_user){ .uid = PRIVILEGES_NOBODY, .gid = PRIVILEGES_NOBODY };
}

int agent_user_find(const char *text, struct agent_user *ret)
{
	struct agent_user user;
	int err = 0;

	if (!text)
		find_default(&user);
	else if (!parse_ids(text, &user))
		err = find_entry(text, 0, &user);
	if (err < 0) {
		log_error("there is no user '%s'%s%s", text, err == -ENOENT ? "" : ": ",
			  err == -ENOENT ? "" : strerror(-err));
		return -EINVAL;
	}
	if (text && (user.uid == 0 || user.gid == 0)) {
		log_error("'%s' is root, or of its group: the agent is to be somebody else", text);
		return -EINVAL;
	}
	user.is_other = user.uid != geteuid() || user.gid != getegid();
	*ret = user;
	return 0;
}

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static bool is_only_thread(void)
{
	CLEANUP(cleanup_directory) DIR *tasks = opendir("/proc/self/task");
	size_t count = 0;

	for (struct dirent *task; tasks && (task = readdir(tasks));)
		count += task->d_name[0] != '.';
	return count == 1;
}

/* Whoever begins as root may raise it; others have what they were given. */
static rlim_t raise_limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit = { most, most };

	if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &limit) < 0)
		return limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
	return setrlimit(resource, &limit) < 0 ? 0 : limit.rlim_cur;
}

/* For what the follower does without CAP_SYS_NICE. */
static void raise_limits(void)
{
	rlim_t nice = raise_limit(RLIMIT_NICE, NICE_LIMIT);

	limits_raise();
	if (raise_limit(RLIMIT_RTPRIO, FIFO_PRIORITY) < FIFO_PRIORITY && nice < NICE_LIMIT)
		log_warning("the limit of real-time priority (ulimit -r) is 0, and cannot be "
			    "raised: on a busy machine more stacks of new programs are cut");
}

/* Of capng_get_caps_process(). */
static bool is_permitted(const struct kept *capability)
{
	return capng_have_capability(CAPNG_PERMITTED, capability->number) == 1;
}

/* One line when it fails. */
static int check_needed(void)
{
	if (capng_get_caps_process() < 0) {
		log_error("cannot read this process's capabilities");
		return -EIO;
	}
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		if (kept[i].is_needed && !is_permitted(&kept[i])) {
			log_error("the agent cannot sample without %s", kept[i].name);
			return -EPERM;
		}
	}
	return 0;
}

/* Selects what is kept of what we have. */
static int select_kept(void)
{
	bool has[KEPT_COUNT];

	if (capng_get_caps_process() < 0)
		return -EIO;
	for (size_t i = 0; i < KEPT_COUNT; i++)
		has[i] = is_permitted(&kept[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		if (!has[i])
			log_warning("without %s: %s", kept[i].name, kept[i].loss);
		else if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				      kept[i].number) < 0)
			return -EIO;
	}
	return 0;
}

/* Whom we are already: what only root may is left as it is, as nothing that we execute gains by it.
 */
static int reduce(bool may_bound)
{
	if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

static int change(const struct agent_user *user)
{
	bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
	int err = select_kept();

	if (err < 0)
		return err;
	/* Neither root's number nor a change of numbers gives any from now on. */
	if (may_bound && capng_lock() < 0)
		return -EPERM;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (!user->is_other)
		return reduce(may_bound);
	/* Permitted ones stay over the change of numbers; then all but those selected go. */
	err = capng_change_id((int)user->uid, (int)user->gid,
			      CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	return err < 0 ? -EPERM : 0;
}

static int drop(const struct agent_user *user)
{
	int err;

	raise_limits();
	if (capng_get_caps_process() < 0)
		return -EIO;
	err = change(user);
	if (err < 0)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return agent_sandbox_enter();
}

int agent_privileges_drop(const struct agent_user *user)
{
	int err = check_needed();

	if (err < 0)
		return err;
	err = is_only_thread() ? drop(user) : -EBUSY;
	if (err < 0)
		log_error("cannot become user %" PRIu32 " of group %" PRIu32 ", with few "
			  "capabilities: %s",
			  (uint32_t)user->uid, (uint32_t)user->gid, strerror(-err));
	return err;
}
