/* SPDX-License-Identifier: Apache-2.0 */
/* What html.c is made of. */
#ifndef EPROF_FLAMEGRAPH_HTML_PARTS_H
#define EPROF_FLAMEGRAPH_HTML_PARTS_H

#include "flamegraph/html.h"

/* <name>text</name> */
void html_put_text(const char *name, const char *text, FILE *out);

/* Facts, losses and ledger: a <section>, or nothing when none is known. */
void html_put_summary(const struct html_page *page, FILE *out);

/* Generated from page*.js and page.css. */
extern const char page_script[];
extern const char page_style[];

#endif
