/* SPDX-License-Identifier: Apache-2.0 */
/* To eprof-server. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define PATH "/api/v1/profiles"

static void write_parameter(FILE *out, const char *name, const char *value)
{
	(void)fprintf(out, "&%s=", name);
	upload_escape(out, value);
}

/* All that says what the profile is; the id makes sending it twice harmless. */
static char *make_url(const struct upload_sender *sender, const struct profile_file *file)
{
	CLEANUP(cleanup_free) char *url = NULL;
	char id[UPLOAD_ID_SIZE];
	size_t size;
	FILE *out;

	if (upload_id_make(file, id) < 0)
		return NULL;
	out = open_memstream(&url, &size);
	if (!out)
		return NULL;
	(void)fprintf(out, "%s" PATH "?id=%s", sender->base, id);
	write_parameter(out, "service", file->service);
	write_parameter(out, "host", file->host);
	write_parameter(out, "kind", profile_kind_name(file->kind));
	(void)fprintf(out, "&from=%" PRIu64 "&until=%" PRIu64, file->from_ns / NS_PER_SECOND,
		      (file->until_ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
	for (size_t i = 0; i < file->label_count; i++) {
		(void)fputs("&label.", out);
		upload_escape(out, file->labels[i].name);
		(void)fputc('=', out);
		upload_escape(out, file->labels[i].value);
	}
	return fclose(out) == 0 ? TAKE(url) : NULL;
}

void upload_eprof_send(struct upload_sender *sender, const struct spool_item *item,
		       const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(http_request_done)
	struct http_request request = {
		.method = "POST",
		.headers = { upload_content_type(item->file.format) },
		.fd = item->fd,
		.offset = item->offset,
		.size = item->size,
	};

	if (item->file.format != PROFILE_PPROF || item->file.kind == PROFILE_BOTH) {
		upload_result_set(ret, UPLOAD_REFUSED,
				  "eprof-server takes pprof files of one kind, and this is %s, %s",
				  profile_format_name(item->file.format),
				  profile_kind_name(item->file.kind));
		return;
	}
	url = make_url(sender, &item->file);
	if (!url) {
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
		return;
	}
	request.url = url;
	upload_request(sender, &request, stop, ret);
}
