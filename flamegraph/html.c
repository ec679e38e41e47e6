/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page as text. It is read as HTML by browsers and as XML by whoever likes: scripts and style
 * sheet are in CDATA sections, whose marks are comments to those who know of none.
 */
#include "flamegraph/html.h"

#include "flamegraph/html_parts.h"
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

void html_put_text(const char *name, const char *text, FILE *out)
{
	fprintf(out, "<%s>", name);
	text_put_xml(out, text, TEXT_WHOLE);
	fprintf(out, "</%s>", name);
}

static void put_title(const struct html_page *page, FILE *out)
{
	text_put(out, "<title>");
	if (page->title)
		text_put_xml(out, page->title, TEXT_WHOLE);
	for (size_t i = 0; !page->title && i < page->part_count; i++) {
		if (i > 0)
			text_put(out, ", ");
		text_put_xml(out, svg_title(page->parts[i].picture), TEXT_WHOLE);
	}
	text_put(out, "</title>\n");
}

static void put_head(const struct html_page *page, FILE *out)
{
	text_put(out, "<!DOCTYPE html>\n"
		      "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		      "<meta charset=\"utf-8\"/>\n"
		      "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n");
	put_title(page, out);
	text_put(out, "<style>/*<![CDATA[*/\n");
	svg_put_style(out);
	text_put(out, page_style);
	text_put(out, "/*]]>*/</style>\n</head>\n");
}

static void put_header(const struct html_page *page, FILE *out)
{
	if (!page->title)
		return;
	text_put(out, "<header>\n<div>");
	html_put_text("h1", page->title, out);
	if (page->subtitle)
		html_put_text("p", page->subtitle, out);
	text_put(out, "</div>\n</header>\n");
}

static int put_pictures(const struct html_page *page, FILE *out)
{
	fprintf(out, "<section class=\"pictures%s\" aria-label=\"Flame graphs\">\n",
		page->part_count > 1 ? " several" : "");
	for (size_t i = 0; i < page->part_count; i++) {
		int err = svg_put_element(page->parts[i].tree, page->parts[i].picture, SVG_IN_PAGE,
					  out);

		if (err < 0)
			return err;
	}
	text_put(out, "</section>\n");
	return 0;
}

static void put_script(const char *script, FILE *out)
{
	text_put(out, "<script>//<![CDATA[\n");
	text_put(out, script);
	text_put(out, "//]]>\n</script>\n");
}

int html_write_page(const struct html_page *page, FILE *out)
{
	int err;

	put_head(page, out);
	text_put(out, "<body class=\"eprof-page\">\n");
	put_header(page, out);
	text_put(out, "<main>\n");
	err = put_pictures(page, out);
	if (err < 0)
		return err;
	html_put_summary(page, out);
	text_put(out, "</main>\n");
	put_script(svg_script, out);
	put_script(page_script, out);
	text_put(out, "</body>\n</html>\n");
	return text_finish(out);
}

int html_write_parts(const struct html_part *parts, size_t count, FILE *out)
{
	return html_write_page(&(struct html_page){ .parts = parts, .part_count = count }, out);
}

int html_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	return html_write_parts(&(struct html_part){ tree, picture }, 1, out);
}
