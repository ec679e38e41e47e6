/* SPDX-License-Identifier: Apache-2.0 */
/* The page of eprof-server: the files of web/ui/, and what they are made with, out of the binary.
 */
#ifndef EPROF_WEB_PAGE_H
#define EPROF_WEB_PAGE_H

#include <stdbool.h>

#include "web/http_server.h"

bool page_has(const char *path);
/* A file that it has. */
void page_answer(const char *path, struct http_answer *ret);

/* Generated: web/ui/, and uPlot as npm has it. */
extern const char page_index[], page_app_style[], page_plot_script[], page_plot_style[];
extern const char page_api[], page_app[], page_dom[], page_filters[], page_list[], page_pictures[],
	page_state[], page_timeline[];

#endif
