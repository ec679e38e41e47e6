// SPDX-License-Identifier: Apache-2.0
/*
 * One chain, compiled and linked in many ways: outer, middle, inner, bottom. Frames of different
 * kinds, some with nothing but a return address.
 */
#include <alloca.h>

#include "tests/programs/shapes/shape.h"

FRAME uint64_t bottom(uint64_t seed)
{
#ifdef WITH_FRAME_POINTERS
	KEEP_FRAME();
#endif
	OPAQUE(seed);
	return shape_burn() + seed;
}

/* rbp is one of the registers that this takes. */
static FRAME uint64_t inner(uint64_t a)
{
	uint64_t b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	b += bottom(a);
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	return a + b + c + d + e + f;
}

FRAME uint64_t middle(size_t size)
{
	char *memory = alloca(size);

	OPAQUE(memory);
	memory[0] = 1;
	return inner(size) + (uint64_t)memory[0];
}

FRAME uint64_t outer(uint64_t count)
{
	return middle(count) + 1;
}

static void chain(void)
{
	outer(100);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	const struct shape shape = { argc > 1 ? argv[1] : name + 1, chain };
	char *arguments[] = { argv[0], (char *)(uintptr_t)shape.name, NULL };

	return shape_main(2, arguments, &shape, 1);
}
