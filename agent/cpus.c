/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

static int add_range(struct cpus *cpus, long first, long last)
{
	if (first < 0 || last < first || last >= CPUS_MAX)
		return -EINVAL;
	for (long id = first; id <= last; id++) {
		if (cpus->count >= CPUS_MAX)
			return -EINVAL;
		cpus->ids[cpus->count++] = (int)id;
	}
	return 0;
}

int cpus_parse(const char *text, struct cpus *ret)
{
	CLEANUP(cpus_done) struct cpus cpus = { .ids = calloc(CPUS_MAX, sizeof(int)) };
	const char *p = text;

	if (!cpus.ids)
		return -ENOMEM;
	for (;;) {
		char *end;
		long first = strtol(p, &end, 10), last = first;

		if (end == p)
			return -EINVAL;
		p = end;
		if (*p == '-') {
			last = strtol(++p, &end, 10);
			if (end == p)
				return -EINVAL;
			p = end;
		}
		if (add_range(&cpus, first, last) < 0)
			return -EINVAL;
		if (*p != ',')
			break;
		p++;
	}
	if (*p && *p != '\n')
		return -EINVAL;
	*ret = (struct cpus){ .ids = TAKE(cpus.ids), .count = cpus.count };
	return 0;
}

int cpus_online(int only, struct cpus *ret)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	CLEANUP(cpus_done) struct cpus cpus = { 0 };
	char text[4096];
	int err;

	if (!file)
		return -errno;
	if (!fgets(text, sizeof(text), file))
		return -EIO;
	err = cpus_parse(text, &cpus);
	if (err < 0)
		return err;
	for (size_t i = 0; only >= 0 && i <= cpus.count; i++) {
		if (i == cpus.count)
			return -ENODEV;
		if (cpus.ids[i] == only) {
			cpus.ids[0] = only;
			cpus.count = 1;
			break;
		}
	}
	*ret = (struct cpus){ .ids = TAKE(cpus.ids), .count = cpus.count };
	return 0;
}

void cpus_done(struct cpus *cpus)
{
	free(cpus->ids);
	*cpus = (struct cpus){ 0 };
}
