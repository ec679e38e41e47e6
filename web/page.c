/* SPDX-License-Identifier: Apache-2.0 */
#include "web/page.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraph/html_parts.h"
#include "flamegraph/svg.h"
#include "web/answer.h"

/* Those of pictures by themselves, too: the same view, drawn from the same element. */
static void put_view_style(FILE *out)
{
	svg_put_style(out);
	(void)fputs(page_style, out);
}

static void put_view_script(FILE *out)
{
	(void)fputs(svg_script, out);
	(void)fputs(page_script, out);
}

#define HTML   "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define STYLE  "text/css; charset=utf-8"

static const struct page_file {
	const char *path, *type;
	const char *text; /* or NULL: it is put together */
	void (*put)(FILE *out);
} files[] = {
	{ "/", HTML, page_index, NULL },
	{ "/ui/api.js", SCRIPT, page_api, NULL },
	{ "/ui/app.css", STYLE, page_app_style, NULL },
	{ "/ui/app.js", SCRIPT, page_app, NULL },
	{ "/ui/dom.js", SCRIPT, page_dom, NULL },
	{ "/ui/filters.js", SCRIPT, page_filters, NULL },
	{ "/ui/list.js", SCRIPT, page_list, NULL },
	{ "/ui/pictures.js", SCRIPT, page_pictures, NULL },
	{ "/ui/state.js", SCRIPT, page_state, NULL },
	{ "/ui/timeline.js", SCRIPT, page_timeline, NULL },
	{ "/ui/uplot.css", STYLE, page_plot_style, NULL },
	{ "/ui/uplot.js", SCRIPT, page_plot_script, NULL },
	{ "/ui/view.css", STYLE, NULL, put_view_style },
	{ "/ui/view.js", SCRIPT, NULL, put_view_script },
};

static int make_text(const struct page_file *file, struct http_answer *ret)
{
	FILE *out = open_memstream(&ret->body, &ret->size);

	if (!out)
		return -ENOMEM;
	if (file->text)
		(void)fputs(file->text, out);
	else
		file->put(out);
	if (fclose(out) == 0)
		return 0;
	free(ret->body);
	ret->body = NULL;
	return -ENOMEM;
}

static const struct page_file *find(const char *path)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].path, path) == 0)
			return &files[i];
	}
	return NULL;
}

bool page_has(const char *path)
{
	return find(path);
}

void page_answer(const char *path, struct http_answer *ret)
{
	const struct page_file *file = find(path);

	if (make_text(file, ret) < 0) {
		answer_store_error(ret, -ENOMEM);
		return;
	}
	ret->status = MHD_HTTP_OK;
	ret->type = file->type;
	ret->is_page = true;
}
