/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_die.h"

#include <errno.h>
#include <string.h>

/* A unit of a large program that was linked with -ffunction-sections has some 100,000. */
#define RANGES_MAX (1 << 20)

/* Templates make names of some 10 KiB. */
#define NAME_SIZE_MAX (1 << 18)

static int note(Dwarf_Attribute *attribute, void *context)
{
	struct dwarf_die *die = context;
	bool is_set = false;

	switch (dwarf_whatattr(attribute)) {
	case DW_AT_low_pc:
		die->low = *attribute;
		break;
	case DW_AT_high_pc:
		die->high = *attribute;
		break;
	case DW_AT_ranges:
		die->ranges = *attribute;
		break;
	case DW_AT_call_file:
		die->call_file = *attribute;
		break;
	case DW_AT_call_line:
		die->call_line = *attribute;
		break;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		die->linkage_name = *attribute;
		break;
	case DW_AT_name:
		die->name = *attribute;
		break;
	case DW_AT_abstract_origin:
	case DW_AT_specification:
		/* Who has both is an instance of what is specified elsewhere. */
		if (!die->origin.valp || dwarf_whatattr(attribute) == DW_AT_abstract_origin)
			die->origin = *attribute;
		break;
	case DW_AT_stmt_list:
		die->line_table = *attribute;
		break;
	case DW_AT_comp_dir:
		die->directory = *attribute;
		break;
	case DW_AT_declaration:
		die->is_declaration = dwarf_formflag(attribute, &is_set) == 0 && is_set;
		break;
	}
	return DWARF_CB_OK;
}

bool dwarf_die_read(Dwarf_Die *die, struct dwarf_die *ret)
{
	*ret = (struct dwarf_die){ 0 };
	return dwarf_getattrs(die, note, ret, 0) == 1;
}

bool dwarf_die_has_code(const struct dwarf_die *attributes)
{
	return attributes->ranges.valp || (attributes->low.valp && attributes->high.valp);
}

static int add(const struct dwarf_file *file, uint64_t low, uint64_t high, uint32_t owner,
	       struct dwarf_spans *spans)
{
	uint32_t low_place, high_place;

	if (low >= high)
		return 0;
	if (!dwarf_file_place(file, low, high, &low_place, &high_place)) {
		dwarf_refuse(file, DWARF_REFUSED_DISCARDED);
		return 0;
	}
	return dwarf_spans_add(spans, low_place, high_place, owner);
}

static int add_ranges(const struct dwarf_file *file, Dwarf_Die *die, uint32_t owner,
		      struct dwarf_spans *spans)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;

	for (size_t count = 0; (offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0;) {
		int err = add(file, low, high, owner, spans);

		if (err < 0)
			return err;
		if (++count > RANGES_MAX)
			return -EFBIG;
	}
	return offset < 0 ? -EBADMSG : 0;
}

static bool is_address(unsigned int form)
{
	switch (form) {
	case DW_FORM_addr:
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return true;
	}
	return false;
}

int dwarf_die_spans(const struct dwarf_file *file, Dwarf_Die *die,
		    const struct dwarf_die *attributes, uint32_t owner, struct dwarf_spans *spans)
{
	Dwarf_Attribute low_form = attributes->low, high_form = attributes->high;
	Dwarf_Addr low, high;

	if (attributes->ranges.valp)
		return add_ranges(file, die, owner, spans);
	if (!low_form.valp || !high_form.valp)
		return 0;
	if (dwarf_formaddr(&low_form, &low) < 0)
		return -EBADMSG;
	if (is_address(dwarf_whatform(&high_form))) {
		if (dwarf_formaddr(&high_form, &high) < 0)
			return -EBADMSG;
	} else if (dwarf_formudata(&high_form, &high) < 0 || high > UINT64_MAX - low) {
		return -EBADMSG;
	} else {
		high += low;
	}
	return add(file, low, high, owner, spans);
}

uint32_t dwarf_die_number(Dwarf_Attribute attribute)
{
	Dwarf_Word value;

	if (!attribute.valp || dwarf_formudata(&attribute, &value) < 0 || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* Without its own, libdw would look for a dwz file by itself, and open what the path leads to. */
static bool is_within_reach(const struct dwarf_file *file, Dwarf_Attribute *attribute)
{
	switch (dwarf_whatform(attribute)) {
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_strp_sup:
		/* Neither the dwz file nor split units have one of their own. */
		if (file->alternate && dwarf_cu_getdwarf(attribute->cu) == file->dwarf)
			return true;
		dwarf_refuse(file, DWARF_REFUSED_ALTERNATE);
		return false;
	}
	return true;
}

const char *dwarf_die_string(const struct dwarf_file *file, Dwarf_Attribute attribute)
{
	const char *string;

	if (!attribute.valp || !is_within_reach(file, &attribute))
		return NULL;
	string = dwarf_formstring(&attribute);
	if (!string || !*string || strnlen(string, NAME_SIZE_MAX) == NAME_SIZE_MAX)
		return NULL;
	return string;
}

bool dwarf_die_refer(const struct dwarf_file *file, Dwarf_Attribute attribute, Dwarf_Die *ret)
{
	if (!attribute.valp || !is_within_reach(file, &attribute))
		return false;
	/* Types are referred to by signatures, functions are not; libdw would go through all units.
	 */
	if (dwarf_whatform(&attribute) == DW_FORM_ref_sig8)
		return false;
	return dwarf_formref_die(&attribute, ret);
}
