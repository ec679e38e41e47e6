/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry is right where several tell of the same code. */
#ifndef EPROF_SYMBOLIZE_CFI_MERGE_H
#define EPROF_SYMBOLIZE_CFI_MERGE_H

#include "symbolize/cfi_records.h"

/*
 * Makes of records->functions, sorted by start, what struct cfi_records says. The program unwinds
 * by .eh_frame, so what .debug_frame has is used for the code between. A function of the latter
 * that is cut into more than CFI_PIECES_MAX pieces keeps these, as its instructions are run for
 * each. 0 or -ENOMEM.
 */
#define CFI_PIECES_MAX 4
int cfi_merge(struct cfi_records *records);

#endif
