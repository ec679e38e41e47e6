/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile_file.h"

const char *profile_kind_name(enum profile_kind kind)
{
	static const char *const names[] = {
		[PROFILE_ON_CPU] = "on-cpu",
		[PROFILE_OFF_CPU] = "off-cpu",
		[PROFILE_BOTH] = "both",
	};

	return names[kind];
}

const char *profile_format_name(enum profile_format format)
{
	static const char *const names[PROFILE_FORMAT_COUNT] = {
		[PROFILE_SVG] = "svg",
		[PROFILE_FOLDED] = "folded",
		[PROFILE_PPROF] = "pprof",
		[PROFILE_HTML] = "html",
	};

	return names[format];
}

const char *profile_format_ending(enum profile_format format)
{
	static const char *const endings[PROFILE_FORMAT_COUNT] = {
		[PROFILE_SVG] = ".svg",
		[PROFILE_FOLDED] = ".folded",
		[PROFILE_PPROF] = ".pb.gz",
		[PROFILE_HTML] = ".html",
	};

	return endings[format];
}
