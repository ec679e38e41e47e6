/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers as bytes, for what is too large to be unpacked into objects: the fields of a
 * message one by one, where they lie. Bytes come from strangers; nothing outside of them is read.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_WIRE_H
#define EPROF_FLAMEGRAPH_PPROF_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What has not been read of a message, or of numbers packed one after the other. */
struct pprof_wire {
	const uint8_t *at;
	const uint8_t *end;
};

struct pprof_field {
	uint32_t number;         /* never 0 */
	bool is_bytes;           /* a text, a message or packed numbers; else one number */
	uint64_t value;          /* of a number; negative ones as two's complement */
	struct pprof_wire bytes; /* those of a number, too, but for one of fixed size */
};

/* The next field. 1: *ret is set; 0: there is none; -EBADMSG: these bytes are no message. */
int pprof_wire_next(struct pprof_wire *wire, struct pprof_field *ret);

/*
 * The next of the numbers that the bytes of a field are: several when they are packed, one when
 * they are not. 1, 0 or -EBADMSG, as above.
 */
int pprof_wire_number(struct pprof_wire *wire, uint64_t *ret);

#endif
