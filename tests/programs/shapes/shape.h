/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs whose stacks have hard shapes. Usage of each: PROGRAM SHAPE. It takes the shape's name
 * for its own, prints its ready line, waits for a line on stdin, and then burns CPU in that shape
 * until it is ended, or for a minute.
 *
 * They keep no frame pointers: who wants to see their callers has to know their unwind rules.
 */
#ifndef EPROF_TESTS_SHAPE_H
#define EPROF_TESTS_SHAPE_H

#include <sys/prctl.h>

#include "tests/programs/work.h"

/* Of CPU time, for who forgot to end it. */
#define SHAPE_SECONDS "60"

/* Some 60 to 120 ms: what is between two of these does not show. */
#define SHAPE_SPINS (50ULL * SPINS)

/* Nothing may follow from what a function does with its arguments and its stack. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value) : : "memory")

struct shape {
	const char *name;
	void (*run)(void); /* burns for 60 ms or more */
};

/* As spin_here(), but for the frame pointer: the function around it has none. */
static inline __attribute__((always_inline)) uint64_t shape_burn_for(uint64_t count)
{
	uint64_t value = count;

	for (uint64_t i = 0; i < count; i++) {
		value = value * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(value));
	}
	return value;
}

static inline __attribute__((always_inline)) uint64_t shape_burn(void)
{
	return shape_burn_for(SHAPE_SPINS);
}

/* The name of the process is the shape's; then everything is set up, and the test says when. */
static inline void shape_ready(const char *name)
{
	prctl(PR_SET_NAME, name);
	run_ready();
	if (getchar() == EOF)
		exit(1);
}

static inline struct run shape_begin(char **argv)
{
	static char seconds[] = SHAPE_SECONDS;
	char *arguments[] = { argv[0], seconds, NULL };

	return run_begin(2, arguments);
}

/* All of main(). */
static inline __attribute__((always_inline)) int
shape_main(int argc, char **argv, const struct shape *shapes, size_t count)
{
	struct run run = shape_begin(argv);

	for (size_t i = 0; i < count; i++) {
		if (argc < 2 || strcmp(shapes[i].name, argv[1]) != 0)
			continue;
		shape_ready(argv[1]);
		while (!run_is_over(&run))
			shapes[i].run();
		return 0;
	}
	fprintf(stderr, "%s: no such shape\n", argv[0]);
	return 2;
}

#define SHAPE_MAIN(shapes)                                                                         \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return shape_main(argc, argv, shapes, sizeof(shapes) / sizeof((shapes)[0]));       \
	}

#endif
