/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/command_agent.h"
#include "agent/command_diff.h"
#include "agent/command_doctor.h"
#include "agent/command_flamegraph.h"
#include "agent/command_query.h"
#include "agent/command_record.h"
#include "agent/dwarf_server.h"
#include "agent/options.h"
#include "agent/signals.h"
#include "agent/uploader.h"

/* A shell that runs a script has to see by which signal we ended. */
static int end(int code, const struct signals *before)
{
	signals_release(before);
	return code;
}

int main(int argc, char **argv)
{
	struct options options;
	struct signals before;

	if (argc == 2 && !strcmp(argv[1], DWARF_SERVER_ARGUMENT))
		return dwarf_server_run();
	if (argc == 2 && !strcmp(argv[1], UPLOADER_ARGUMENT))
		return uploader_run();
	signals_ignore(&before);
	options_parse(argc, argv, &options);
	switch (options.command) {
	case COMMAND_RECORD:
		return command_record(&options.record, &before);
	case COMMAND_FLAMEGRAPH:
		return end(command_flamegraph(&options.flamegraph), &before);
	case COMMAND_DIFF:
		return end(command_diff(&options.diff), &before);
	case COMMAND_AGENT:
		return command_agent(&options.agent, &before);
	case COMMAND_DOCTOR:
		return end(command_doctor(&options.doctor), &before);
	case COMMAND_QUERY:
		return end(command_query(&options.query), &before);
	}
	return 2;
}
