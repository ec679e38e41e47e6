// SPDX-License-Identifier: Apache-2.0
/*
 * To be preloaded: CLOCK_REALTIME is as many nanoseconds off as the file at EPROF_CLOCK_SHIFT says,
 * an int64_t that may change at any time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_US     1000

#define EXPORTED __attribute__((visibility("default")))

/* A library that is preloaded has nobody to hand this to it. */
static const _Atomic int64_t *shift;

__attribute__((constructor)) static void find_shift(void)
{
	const char *path = getenv("EPROF_CLOCK_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (memory != MAP_FAILED)
		shift = memory;
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int64_t ns;

	/* The kernel's own: the vDSO is behind the function that this one stands for. */
	if (syscall(SYS_clock_gettime, clock, ret) < 0)
		return -1;
	if (!shift || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return 0;
	ns = ret->tv_sec * NS_PER_SECOND + ret->tv_nsec + atomic_load(shift);
	ret->tv_sec = ns / NS_PER_SECOND;
	ret->tv_nsec = ns % NS_PER_SECOND;
	return 0;
}

EXPORTED time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

EXPORTED int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / NS_PER_US;
	return 0;
}
