/* SPDX-License-Identifier: Apache-2.0 */
/* What a page tells of a recording besides its pictures: a report in words and rows. */
#ifndef EPROF_AGENT_PAGE_FACTS_H
#define EPROF_AGENT_PAGE_FACTS_H

#include "agent/report.h"
#include "flamegraph/html.h"

/* So many processes have rows of their own, those that slept least; the others share one. On a
 * whole machine those that lived longest would be those that did nothing. */
#define PAGE_PROCESSES_MAX 30

struct page_facts;

/* Borrows from the report. The caller frees *ret. 0 or -ENOMEM. */
int page_facts_make(const struct report *report, struct page_facts **ret);
void page_facts_free(struct page_facts *facts); /* NULL is fine */

/* The page without its pictures; it borrows from the facts. */
struct html_page page_facts_page(const struct page_facts *facts);

#endif
