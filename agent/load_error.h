/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel did not take a BPF program, in words. */
#ifndef EPROF_AGENT_LOAD_ERROR_H
#define EPROF_AGENT_LOAD_ERROR_H

struct load_error {
	const char *release; /* of the kernel: uname -r */
	const char *program; /* the one refused; NULL: none got so far */
	const char *log;     /* the verifier's, of that program; "" when it wrote none */
	int err;             /* -errno */
};

/* One line that says which program and what to do, then the last lines of the log. */
void load_error_explain(const struct load_error *error);

#endif
