// SPDX-License-Identifier: Apache-2.0
/* Linked against libstartup.so, whose constructor burns a second of CPU before main(). */
#include "tests/programs/work.h"

FRAME uint64_t late_leaf(uint64_t count)
{
	return spin_here(count);
}

int main(int argc, char **argv)
{
	struct run run;

	run_report_process("constructor");
	run = run_begin(argc, argv);
	run_ready();
	while (!run_is_over(&run))
		late_leaf(SPINS);
	run_report_process("constructed");
	return 0;
}
