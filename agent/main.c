/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_flamegraph.h"
#include "agent/command_record.h"
#include "agent/options.h"

int main(int argc, char **argv)
{
	struct options options;

	options_parse(argc, argv, &options);
	switch (options.command) {
	case COMMAND_RECORD:
		return command_record(&options.record);
	case COMMAND_FLAMEGRAPH:
		return command_flamegraph(&options.flamegraph);
	}
	return 2;
}
