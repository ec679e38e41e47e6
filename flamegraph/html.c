/* SPDX-License-Identifier: Apache-2.0 */
/* A page that holds pictures of svg.c as they are; it loads nothing. */
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

static void put_title(const struct html_part *parts, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			text_put(out, ", ");
		text_put_xml(out, svg_title(parts[i].picture), TEXT_WHOLE);
	}
}

int html_write_parts(const struct html_part *parts, size_t count, FILE *out)
{
	text_put(out, "<!DOCTYPE html>\n"
		      "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		      "<meta charset=\"utf-8\"/>\n"
		      "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
	put_title(parts, count, out);
	text_put(out, "</title>\n"
		      "<style>body{margin:0;background:Canvas}svg{display:block}</style>\n"
		      "</head>\n<body>\n");
	for (size_t i = 0; i < count; i++) {
		int err = svg_put_element(parts[i].tree, parts[i].picture, out);

		if (err < 0)
			return err;
	}
	text_put(out, "</body>\n</html>\n");
	return text_finish(out);
}

int html_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	return html_write_parts(&(struct html_part){ tree, picture }, 1, out);
}
