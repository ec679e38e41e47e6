/* SPDX-License-Identifier: Apache-2.0 */
/* What both builds of libflavor.so export. */
#ifndef EPROF_TESTS_FLAVOR_H
#define EPROF_TESTS_FLAVOR_H

#include "tests/programs/work.h"

__attribute__((visibility("default"))) FRAME uint64_t flavor_entry(uint64_t count);

#endif
