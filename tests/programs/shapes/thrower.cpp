// SPDX-License-Identifier: Apache-2.0
// Exceptions, thrown and caught all the time: the C++ library walks this stack itself.
#include <stdexcept>

extern "C" {
#include "tests/programs/shapes/shape.h"
}

extern "C" FRAME void throw_it(int value)
{
	if (value >= 0)
		throw std::runtime_error("as always");
}

extern "C" FRAME void pass_it_on(int more)
{
	std::string guarded(64, 'x');

	if (more > 0)
		pass_it_on(more - 1);
	else
		throw_it(more);
	OPAQUE(more);
}

extern "C" FRAME int catch_it()
{
	try {
		pass_it_on(5);
	} catch (const std::exception &) {
		return 1;
	}
	return 0;
}

static void thrower()
{
	for (int i = 0; i < 5000; i++)
		catch_it();
}

static const struct shape shapes[] = {
	{ "thrower", thrower },
};

SHAPE_MAIN(shapes)
