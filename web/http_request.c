/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler sees of a request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/http_parts.h"

/* Of a form: what is read at once, and a field's name. */
#define FORM_BUFFER_SIZE 4096
#define FORM_NAME_SIZE   64

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const struct http_server *http_request_server(const struct http_request *request)
{
	return request->server;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const uint8_t *http_request_body(const struct http_request *request, size_t *ret_size)
{
	*ret_size = request->size;
	return request->body;
}

struct parameters {
	http_parameter_handler handler;
	void *context;
	int err;
};

static enum MHD_Result take_parameter(void *context, enum MHD_ValueKind kind, const char *name,
				      const char *value)
{
	struct parameters *parameters = context;

	(void)kind;
	parameters->err = parameters->handler(parameters->context, name, value ? value : "");
	return parameters->err < 0 ? MHD_NO : MHD_YES;
}

int http_request_parameters(const struct http_request *request, http_parameter_handler handler,
			    void *context)
{
	struct parameters parameters = { handler, context, 0 };

	(void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_parameter,
					&parameters);
	return parameters.err;
}

/* One field at a time is put together. */
struct form {
	http_form_handler handler;
	void *context;
	char name[FORM_NAME_SIZE];
	uint8_t *bytes;
	size_t size, capacity;
	bool is_there; /* a field */
	int err;
};

static void end_field(struct form *form)
{
	if (form->is_there && !form->err)
		form->err =
			form->handler(form->context, form->name,
				      form->bytes ? form->bytes : (const uint8_t *)"", form->size);
	form->is_there = false;
	form->size = 0;
}

static void grow(struct form *form, size_t size)
{
	size_t capacity = 2 * form->capacity + size;
	uint8_t *bytes = realloc(form->bytes, capacity);

	if (!bytes) {
		form->err = -ENOMEM;
		return;
	}
	form->bytes = bytes;
	form->capacity = capacity;
}

/* An MHD_PostDataIterator: a part of a field, offset being where it begins. All fields together are
 * no larger than the body. */
static enum MHD_Result take_field(void *context, enum MHD_ValueKind kind, const char *name,
				  const char *file, const char *type, const char *encoding,
				  const char *bytes, uint64_t offset, size_t size)
{
	struct form *form = context;

	(void)kind;
	(void)file;
	(void)type;
	(void)encoding;
	if (offset == 0) {
		end_field(form);
		(void)snprintf(form->name, sizeof(form->name), "%s", name ? name : "");
		form->is_there = true;
	}
	if (!form->err && size > form->capacity - form->size)
		grow(form, form->size + size);
	if (form->err || !form->is_there)
		return MHD_NO;
	if (size)
		memcpy(form->bytes + form->size, bytes, size);
	form->size += size;
	return MHD_YES;
}

int http_request_form(const struct http_request *request, http_form_handler handler, void *context)
{
	struct form form = { .handler = handler, .context = context };
	struct MHD_PostProcessor *processor =
		MHD_create_post_processor(request->connection, FORM_BUFFER_SIZE, take_field, &form);
	bool is_read;

	/* It is no form, or there is no memory, which would be told soon after. */
	if (!processor)
		return -EBADMSG;
	is_read = MHD_post_process(processor, (const char *)request->body, request->size);
	/* It hands over what it still has. */
	if (MHD_destroy_post_processor(processor) != MHD_YES)
		is_read = false;
	/* What may have been cut is not handed over. */
	if (!form.err && !is_read)
		form.err = -EBADMSG;
	end_field(&form);
	free(form.bytes);
	return form.err;
}
