/* SPDX-License-Identifier: Apache-2.0 */
/* A page that holds the picture of svg.c as it is; it loads nothing. */
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

int html_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err;

	text_put(out, "<!DOCTYPE html>\n"
		      "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		      "<meta charset=\"utf-8\"/>\n"
		      "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
	text_put_xml(out, svg_title(picture), TEXT_WHOLE);
	text_put(out, "</title>\n"
		      "<style>body{margin:0;background:Canvas}svg{display:block}</style>\n"
		      "</head>\n<body>\n");
	err = svg_put_element(tree, picture, out);
	if (err < 0)
		return err;
	text_put(out, "</body>\n</html>\n");
	return text_finish(out);
}
