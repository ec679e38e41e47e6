/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients of Pyroscope's /ingest call an application: "shop.cpu{region=eu,hostname=a}"
 * (Pyroscope, pkg/og/storage/segment/key.go): a name, whose last part says what is counted, and
 * labels.
 */
#ifndef EPROF_WEB_PYROSCOPE_NAME_H
#define EPROF_WEB_PYROSCOPE_NAME_H

#include "web/store.h"

/* Texts are in text, which is its user's to free. */
struct pyroscope_name {
	char *text;
	const char *application; /* with its last part */
	struct store_label labels[STORE_LABELS_MAX];
	size_t label_count;
};

/* 0, -ENOMEM, -E2BIG (labels) or -EINVAL: it is no such name. Its user calls
 * pyroscope_name_done(), whatever it returns. */
int pyroscope_name_parse(const char *name, struct pyroscope_name *ret);
void pyroscope_name_done(struct pyroscope_name *name);

/*
 * Cuts off the last part where it says what is counted, and returns the kind of profile: "on-cpu"
 * of "cpu", or the word itself. NULL: it has no such part.
 */
const char *pyroscope_name_take_kind(struct pyroscope_name *name);

#endif
