/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pid_list.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

void pid_list_done(struct pid_list *list)
{
	free(list->items);
	*list = (struct pid_list){ 0 };
}

int pid_list_add(struct pid_list *list, int32_t pid)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : CAPACITY_MIN;
		int32_t *items = realloc(list->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = pid;
	return 0;
}
