/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_wire.h"

#include <errno.h>

#define NUMBER_BITS  7 /* of each byte of a number; the eighth says that more follow */
#define NUMBER_MORE  0x80
#define TYPE_BITS    3
#define FIELD_MAX    ((UINT64_C(1) << 29) - 1)
#define BITS_OF_LAST 63 /* where the tenth byte's only bit goes */

enum wire_type {
	WIRE_NUMBER = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

int pprof_wire_number(struct pprof_wire *wire, uint64_t *ret)
{
	uint64_t value = 0;

	if (wire->at == wire->end)
		return 0;
	for (unsigned int shift = 0; shift <= BITS_OF_LAST; shift += NUMBER_BITS) {
		uint8_t byte;

		if (wire->at == wire->end)
			return -EBADMSG;
		byte = *wire->at++;
		if (shift == BITS_OF_LAST && byte > 1)
			return -EBADMSG;
		value |= (uint64_t)(byte & (NUMBER_MORE - 1)) << shift;
		if (!(byte & NUMBER_MORE)) {
			*ret = value;
			return 1;
		}
	}
	return -EBADMSG;
}

/* A number of size bytes, the least significant first. */
static int read_fixed(struct pprof_wire *wire, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(wire->end - wire->at) < size)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)wire->at[i] << 8 * i;
	wire->at += size;
	*ret = value;
	return 1;
}

static int read_bytes(struct pprof_wire *wire, struct pprof_field *field)
{
	uint64_t length;

	if (pprof_wire_number(wire, &length) != 1 || length > (uint64_t)(wire->end - wire->at))
		return -EBADMSG;
	field->is_bytes = true;
	field->bytes = (struct pprof_wire){ wire->at, wire->at + length };
	wire->at += length;
	return 1;
}

int pprof_wire_next(struct pprof_wire *wire, struct pprof_field *ret)
{
	struct pprof_field field = { 0 };
	uint64_t tag;
	int err = pprof_wire_number(wire, &tag);

	if (err <= 0)
		return err;
	if (tag >> TYPE_BITS == 0 || tag >> TYPE_BITS > FIELD_MAX)
		return -EBADMSG;
	field.number = (uint32_t)(tag >> TYPE_BITS);
	switch (tag & ((1 << TYPE_BITS) - 1)) {
	case WIRE_NUMBER:
		field.bytes.at = wire->at;
		err = pprof_wire_number(wire, &field.value) == 1 ? 1 : -EBADMSG;
		field.bytes.end = wire->at;
		break;
	case WIRE_FIXED64:
		err = read_fixed(wire, sizeof(uint64_t), &field.value);
		break;
	case WIRE_BYTES:
		err = read_bytes(wire, &field);
		break;
	case WIRE_FIXED32:
		err = read_fixed(wire, sizeof(uint32_t), &field.value);
		break;
	default: /* groups, which went out of use before this format was made */
		err = -EBADMSG;
	}
	if (err == 1)
		*ret = field;
	return err;
}
