// SPDX-License-Identifier: Apache-2.0
/* One thread, one call chain: main, alpha, beta, gamma. */
#include "tests/programs/work.h"

FRAME uint64_t gamma(uint64_t count)
{
	return spin_here(count);
}

FRAME uint64_t beta(uint64_t count)
{
	return gamma(count) + 1;
}

FRAME uint64_t alpha(uint64_t count)
{
	return beta(count) + 1;
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);

	run_ready();
	while (!run_is_over(&run))
		alpha(SPINS);
	run_report_process("spin");
	return 0;
}
