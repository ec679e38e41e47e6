/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_reason.h"

#include <stdarg.h>

/* What would steer a terminal; the bytes of other characters are above. */
static bool is_control(char c)
{
	return (c >= 0 && c < ' ') || c == 0x7f;
}

int pprof_fail(struct pprof_reason *reason, int err, const char *format, ...)
{
	va_list arguments;

	if (!reason)
		return err;
	va_start(arguments, format);
	(void)vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	for (char *c = reason->text; *c; c++) {
		if (is_control(*c))
			*c = '?';
	}
	return err;
}
