/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_TESTS_TINY_H
#define EPROF_TESTS_TINY_H

#include <stdint.h>

#define TINY_TEN(X, n)                                                                             \
	X(tiny_##n##0)                                                                             \
	X(tiny_##n##1)                                                                             \
	X(tiny_##n##2)                                                                             \
	X(tiny_##n##3)                                                                             \
	X(tiny_##n##4)                                                                             \
	X(tiny_##n##5)                                                                             \
	X(tiny_##n##6)                                                                             \
	X(tiny_##n##7)                                                                             \
	X(tiny_##n##8)                                                                             \
	X(tiny_##n##9)
#define TINY_HUNDRED(X, n)                                                                         \
	TINY_TEN(X, n##0)                                                                          \
	TINY_TEN(X, n##1)                                                                          \
	TINY_TEN(X, n##2)                                                                          \
	TINY_TEN(X, n##3)                                                                          \
	TINY_TEN(X, n##4)                                                                          \
	TINY_TEN(X, n##5)                                                                          \
	TINY_TEN(X, n##6)                                                                          \
	TINY_TEN(X, n##7)                                                                          \
	TINY_TEN(X, n##8)                                                                          \
	TINY_TEN(X, n##9)
/* tiny_000 to tiny_999 */
#define TINY_THOUSAND(X)                                                                           \
	TINY_HUNDRED(X, 0)                                                                         \
	TINY_HUNDRED(X, 1)                                                                         \
	TINY_HUNDRED(X, 2)                                                                         \
	TINY_HUNDRED(X, 3)                                                                         \
	TINY_HUNDRED(X, 4)                                                                         \
	TINY_HUNDRED(X, 5)                                                                         \
	TINY_HUNDRED(X, 6)                                                                         \
	TINY_HUNDRED(X, 7)                                                                         \
	TINY_HUNDRED(X, 8)                                                                         \
	TINY_HUNDRED(X, 9)

#define TINY_DECLARE(name) uint64_t name(uint64_t value);
TINY_DECLARE(tiny)
TINY_THOUSAND(TINY_DECLARE)

#endif
