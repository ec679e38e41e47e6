// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel time: reads from /dev/zero in a loop. The system call is made right here: through libc's
 * read(), which keeps no frame pointer, the caller would be missing from frame-pointer stacks.
 */
#include "tests/programs/work.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define CHUNK (1 << 20)

FRAME long read_zero(int fd, void *buffer)
{
	KEEP_FRAME();
#if defined(__x86_64__)
	long result = SYS_read;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"((long)fd), "S"(buffer), "d"((long)CHUNK)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long result __asm__("x0") = fd;
	register void *target __asm__("x1") = buffer;
	register long size __asm__("x2") = CHUNK;
	register long number __asm__("x8") = SYS_read;

	__asm__ volatile("svc #0" : "+r"(result) : "r"(target), "r"(size), "r"(number) : "memory");
	return result;
#else
#error "no system call written for this processor"
#endif
}

FRAME bool read_loop(const struct run *run, int fd, void *buffer)
{
	while (!run_is_over(run)) {
		for (int i = 0; i < 16; i++) {
			if (read_zero(fd, buffer) != CHUNK)
				return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	void *buffer = malloc(CHUNK);

	if (fd < 0 || !buffer)
		return 1;
	run_ready();
	/* A read that a signal cut short is no failure. */
	if (!read_loop(&run, fd, buffer) && !run_stop)
		return 1;
	run_report_process("syscaller");
	free(buffer);
	close(fd);
	return 0;
}
