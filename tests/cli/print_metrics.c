/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a made status, for a checker of their form; of an empty one with an argument. */
#include "tests/unit/made_status.h"

int main(int argc, char **argv)
{
	struct agent_status status = made_status();

	(void)argv;
	if (argc > 1)
		status = (struct agent_status){ 0 };
	agent_status_put_metrics(&status, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
