/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void service_done(struct profile_service *service)
{
	for (size_t i = 0; i < service->label_count; i++) {
		free((char *)service->labels[i].name);
		free((char *)service->labels[i].value);
	}
	free(service->labels);
	free(service->name);
}

void profile_done(struct profile *profile)
{
	call_tree_free(profile->tree);
	call_tree_free(profile->off_tree);
	ledger_free(profile->ledger);
	for (size_t i = 0; i < profile->service_count; i++)
		service_done(&profile->services[i]);
	free(profile->services);
	*profile = (struct profile){ 0 };
}

static int make_room(struct profile *profile, uint32_t number)
{
	struct profile_service *services;
	size_t count = (size_t)number + 1;

	if (number < profile->service_count)
		return 0;
	services = realloc(profile->services, count * sizeof(*services));
	if (!services)
		return -ENOMEM;
	memset(services + profile->service_count, 0,
	       (count - profile->service_count) * sizeof(*services));
	profile->services = services;
	profile->service_count = count;
	return 0;
}

static int copy_labels(struct profile_service *service, const struct profile_label *labels,
		       size_t count)
{
	service->labels = calloc(count + 1, sizeof(*service->labels));
	if (!service->labels)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct profile_label *label = &service->labels[service->label_count++];

		label->name = strdup(labels[i].name);
		label->value = strdup(labels[i].value);
		if (!label->name || !label->value)
			return -ENOMEM;
	}
	return 0;
}

int profile_service_of(struct profile *profile, uint32_t number, const char *name,
		       const struct profile_label *labels, size_t label_count,
		       struct profile_service **ret)
{
	struct profile_service service = { .node = CALL_TREE_NONE, .off_node = CALL_TREE_NONE };
	int err = make_room(profile, number);

	if (err < 0)
		return err;
	if (!profile->services[number].name) {
		service.name = strdup(name);
		if (!service.name || copy_labels(&service, labels, label_count) < 0) {
			service_done(&service);
			return -ENOMEM;
		}
		profile->services[number] = service;
	}
	*ret = &profile->services[number];
	return 0;
}
