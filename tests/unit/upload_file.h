/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's file, for tests of what is made of it. */
#ifndef EPROF_TESTS_UNIT_UPLOAD_FILE_H
#define EPROF_TESTS_UNIT_UPLOAD_FILE_H

#include "agent/profile_file.h"
#include "base/clock.h"

/* 2026-01-02T03:04:05Z, a minute long. */
#define UPLOAD_FILE_UNIX UINT64_C(1767323045)

static inline struct profile_file upload_file(const char *service)
{
	return (struct profile_file){
		.kind = PROFILE_OFF_CPU,
		.format = PROFILE_PPROF,
		.service = service,
		.host = "web1",
		.from_ns = UPLOAD_FILE_UNIX * NS_PER_SECOND + 999999999,
		.until_ns = (UPLOAD_FILE_UNIX + 60) * NS_PER_SECOND,
	};
}

#endif
