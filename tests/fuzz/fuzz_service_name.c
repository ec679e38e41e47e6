/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/service_name.h"
#include "flamegraph/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the header promises of all text. */
static void check_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == size || !utf8_is_valid(text, length) || text[0] == '.' || strchr(text, '/'))
		abort();
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			abort();
	}
}

static void check_name(const struct service_name *name)
{
	if (!name->name[0])
		abort();
	check_text(name->name, sizeof(name->name));
	check_text(name->unit, sizeof(name->unit));
	check_text(name->container_id, sizeof(name->container_id));
	check_text(name->pod_uid, sizeof(name->pod_uid));
}

/* The same bytes as a path, as /proc/PID/cgroup and as a command. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct service_name name;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (service_name_of_path(text, &name))
		check_name(&name);
	if (service_name_of_process(text, &name))
		check_name(&name);
	service_name_of_command(text, &name);
	check_name(&name);
	free(text);
	return 0;
}
