/* SPDX-License-Identifier: Apache-2.0 */
/* What a page tells in tables, with or without scripts. */
#include <assert.h>

#include "flamegraph/html_parts.h"
#include "flamegraph/text.h"

/* Of a bar of times, in units of its own. */
#define BAR_WIDTH  1000
#define BAR_HEIGHT 10

static void put_facts(const struct html_page *page, FILE *out)
{
	if (page->fact_count == 0)
		return;
	text_put(out, "<dl class=\"facts\">\n");
	for (size_t i = 0; i < page->fact_count; i++) {
		text_put(out, "<div>");
		html_put_text("dt", page->facts[i].name, out);
		html_put_text("dd", page->facts[i].text, out);
		text_put(out, "</div>\n");
	}
	text_put(out, "</dl>\n");
}

static void put_losses(const struct html_page *page, FILE *out)
{
	if (!page->tells_losses)
		return;
	text_put(out, "<h3>Losses</h3>\n");
	if (page->loss_count == 0) {
		text_put(out, "<p>Nothing was lost.</p>\n");
		return;
	}
	text_put(out,
		 "<div class=\"wide\"><table class=\"losses\">\n"
		 "<caption><span>What is missing, by reason, as in stats.json</span></caption>\n"
		 "<thead><tr><th scope=\"col\">Lost</th><th scope=\"col\">Count</th></tr>"
		 "</thead>\n<tbody>\n");
	for (size_t i = 0; i < page->loss_count; i++) {
		text_put(out, "<tr><th scope=\"row\">");
		text_put_xml(out, page->losses[i].name, TEXT_WHOLE);
		text_put(out, "</th><td>");
		text_put_grouped(out, page->losses[i].count);
		text_put(out, "</td></tr>\n");
	}
	text_put(out, "</tbody></table></div>\n");
}

/* A kind of time that nobody had is not shown. */
static bool has_time(const struct html_ledger *ledger, size_t time)
{
	return ledger->sum.times_us[time] > 0;
}

/* Where a part of a bar that is whole wide ends. */
static unsigned int bar_place(uint64_t part, uint64_t whole)
{
	return (unsigned int)((double)part * BAR_WIDTH / (double)whole + 0.5);
}

/* Shares of the row's own time, side by side. */
static void put_bar(const struct html_ledger *ledger, const struct html_ledger_row *row, FILE *out)
{
	uint64_t so_far = 0, whole = 0;

	for (size_t i = 0; i < ledger->time_count; i++)
		whole += row->times_us[i];
	fprintf(out,
		"<svg class=\"times\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		BAR_WIDTH, BAR_HEIGHT);
	for (size_t i = 0; whole > 0 && i < ledger->time_count; i++) {
		unsigned int left = bar_place(so_far, whole);
		unsigned int right = bar_place(so_far + row->times_us[i], whole);

		so_far += row->times_us[i];
		if (right > left)
			fprintf(out,
				"<rect class=\"time%zu\" x=\"%u\" width=\"%u\" height=\"%d\"/>", i,
				left, right - left, BAR_HEIGHT);
	}
	text_put(out, "</svg>");
}

static void put_time(uint64_t us, FILE *out)
{
	text_put(out, "<td>");
	if (us > 0)
		text_put_time(out, us);
	text_put(out, "</td>");
}

static void put_row(const struct html_ledger *ledger, const struct html_ledger_row *row, FILE *out)
{
	text_put(out, "<tr><th scope=\"row\">");
	text_put_xml(out, row->name, TEXT_WHOLE);
	text_put(out, "</th><td>");
	if (row->pid > 0)
		fprintf(out, "%u", row->pid);
	text_put(out, "</td><td>");
	text_put_grouped(out, row->threads);
	text_put(out, "</td>");
	put_time(row->wall_us, out);
	for (size_t i = 0; i < ledger->time_count; i++) {
		if (has_time(ledger, i))
			put_time(row->times_us[i], out);
	}
	text_put(out, "<td class=\"bar\">");
	put_bar(ledger, row, out);
	text_put(out, "</td></tr>\n");
}

static void put_ledger_head(const struct html_ledger *ledger, FILE *out)
{
	text_put(out, "<thead><tr><th scope=\"col\">Process</th><th scope=\"col\">PID</th>"
		      "<th scope=\"col\">Threads</th><th scope=\"col\">Lived</th>");
	for (size_t i = 0; i < ledger->time_count; i++) {
		if (!has_time(ledger, i))
			continue;
		fprintf(out,
			"<th scope=\"col\"><svg class=\"key\" viewBox=\"0 0 10 10\" "
			"aria-hidden=\"true\"><rect class=\"time%zu\" width=\"10\" height=\"10\"/>"
			"</svg> ",
			i);
		text_put_xml(out, ledger->time_names[i], TEXT_WHOLE);
		text_put(out, "</th>");
	}
	text_put(out, "<th scope=\"col\">Shares</th></tr></thead>\n");
}

static void put_ledger(const struct html_ledger *ledger, FILE *out)
{
	if (ledger->row_count == 0)
		return;
	assert(ledger->time_count <= HTML_TIMES_MAX);
	text_put(
		out,
		"<h3>Where the time of each process went</h3>\n"
		"<div class=\"wide\"><table class=\"ledger\">\n"
		"<caption><span>The lives of its threads, as far as they lie in the recording, and "
		"the states that they spent them in</span></caption>\n");
	put_ledger_head(ledger, out);
	text_put(out, "<tbody>\n");
	for (size_t i = 0; i < ledger->row_count; i++)
		put_row(ledger, &ledger->rows[i], out);
	text_put(out, "</tbody>\n<tfoot>\n");
	put_row(ledger, &ledger->sum, out);
	text_put(out, "</tfoot></table></div>\n");
}

void html_put_summary(const struct html_page *page, FILE *out)
{
	if (page->fact_count == 0 && !page->tells_losses && page->ledger.row_count == 0)
		return;
	text_put(out, "<section class=\"summary\" aria-labelledby=\"eprof-summary\">\n"
		      "<h2 id=\"eprof-summary\">Summary</h2>\n");
	put_facts(page, out);
	put_losses(page, out);
	put_ledger(&page->ledger, out);
	text_put(out, "</section>\n");
}
