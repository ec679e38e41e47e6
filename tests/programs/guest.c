// SPDX-License-Identifier: Apache-2.0
/*
 * One thread that burns CPU in libflavor.so next to it, of which there are two builds. To be copied
 * beside one of them.
 */
#include "tests/programs/flavor.h"

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);

	run_ready();
	while (!run_is_over(&run))
		flavor_entry(SPINS);
	run_report_process("guest");
	return 0;
}
