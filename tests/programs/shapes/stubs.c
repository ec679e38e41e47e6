// SPDX-License-Identifier: Apache-2.0
/* Calls into a library through the procedure linkage table, which is bound lazily. */
#include <sys/wait.h>

#include "tests/programs/shapes/shape.h"
#include "tests/programs/shapes/tiny.h"

static inline void wait_for_all_before(void)
{
#if defined(__x86_64__)
	__builtin_ia32_lfence();
#endif
}

FRAME uint64_t call_tiny(uint64_t value)
{
	for (int i = 0; i < 20000000; i++) {
		/* What is before the call is over, so that an interrupt may hit the stub, which has
		 * to read where it leads: processors that look far ahead are done with it at once.
		 */
		wait_for_all_before();
		value = tiny(value);
		/* Enough that an interrupt hits this function, too, and not only its calls. */
		for (int k = 0; k < 8; k++)
			value = value * 6364136223846793005ULL + 1;
	}
	return value;
}

static void stub(void)
{
	call_tiny(1);
}

#define CALL(name) value = name(value);

/* Each is looked up by the dynamic loader. */
FRAME uint64_t call_each_once(uint64_t value)
{
	TINY_THOUSAND(CALL)
	return value;
}

/* In a process where none has been called before. */
static void resolve(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		call_each_once(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static const struct shape shapes[] = {
	{ "stub", stub },
	{ "stub_ibt", stub }, /* of the other build */
	{ "resolve", resolve },
};

SHAPE_MAIN(shapes)
