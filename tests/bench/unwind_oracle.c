/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables against libdw, at every address of every ELF file that is given or below a given
 * directory: each row of a table is asked about at its first byte, and again where libdw says that
 * something else begins. Prints what was compared, what differs (exit status 1), what rules cannot
 * express, and which files are refused.
 *	unwind_oracle PATH...
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "symbolize/unwind_table.h"
#include "tests/bench/elf_paths.h"

#define RETURN_ADDRESS 16

/* Differences that are printed for each file. */
#define SHOWN_MAX 5

#define REASONS_MAX 64

struct reason {
	const char *text;
	uint64_t count;
	bool is_refusal; /* of a file that could have had a table */
};

struct totals {
	uint64_t files, tables, rows, read_rows, skipped, words;
	uint64_t compared, mismatches, holes;
	uint64_t unsupported[UNWIND_UNSUPPORTED_KINDS];
	struct reason reasons[REASONS_MAX];
};

/* One file. */
struct subject {
	const char *path;
	struct unwind_table table;
	Elf *elf;
	Dwarf *dwarf;
	Dwarf_CFI *cfi[2]; /* .eh_frame, .debug_frame; those it has not are NULL */
	uint64_t mismatches;
	struct totals *totals;
};

/* What libdw says of one address. */
struct answer {
	bool is_found;
	bool is_damaged;
	uint64_t end; /* it holds to here */
	struct unwind_rule rule;
	bool is_supported;
};

static void differ(struct subject *subject, uint64_t address, const char *what)
{
	const struct unwind_rule *rule = unwind_table_find(&subject->table, address);

	subject->totals->mismatches++;
	if (subject->mismatches++ >= SHOWN_MAX)
		return;
	printf("%s: %#" PRIx64 ": %s", subject->path, address, what);
	if (rule)
		printf(" (ours: cfa %u r%u%+d add %d, ra %u %d, rbp %u %d, rbx %d)", rule->cfa,
		       rule->cfa_register, rule->cfa_offset, rule->cfa_add, rule->ra_kind, rule->ra,
		       rule->rbp_kind, rule->rbp_offset, rule->rbx_offset);
	putchar('\n');
}

/* breg R, N in either of its forms; false when the operation is another. */
static bool is_sum(const Dwarf_Op *op, uint64_t *ret_register, int64_t *ret_offset)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		*ret_register = op->atom - DW_OP_breg0;
		*ret_offset = (int64_t)op->number;
		return true;
	}
	if (op->atom == DW_OP_bregx) {
		*ret_register = op->number;
		*ret_offset = (int64_t)op->number2;
		return true;
	}
	return false;
}

static bool is_stub(const Dwarf_Op *ops, size_t count)
{
	static const uint8_t atoms[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, 0,
					 DW_OP_ge,    DW_OP_lit3,   DW_OP_shl,   DW_OP_plus };

	if (count != sizeof(atoms))
		return false;
	for (size_t i = 0; i < count; i++)
		if (atoms[i] && ops[i].atom != atoms[i])
			return false;
	return ops[1].number == 0 && ops[4].atom >= DW_OP_lit0 && ops[4].atom <= DW_OP_lit31;
}

/* breg R, N; breg I, 0; lit8; mul; plus; deref */
static bool is_indexed(const Dwarf_Op *ops, size_t count, uint64_t *ret_index)
{
	int64_t offset;

	return count == 6 && is_sum(&ops[1], ret_index, &offset) && offset == 0 &&
	       *ret_index < UNWIND_REGISTERS && ops[2].atom == DW_OP_lit8 &&
	       ops[3].atom == DW_OP_mul && ops[4].atom == DW_OP_plus && ops[5].atom == DW_OP_deref;
}

static bool answer_cfa(Dwarf_Frame *frame, struct unwind_rule *rule)
{
	uint64_t number, index, constant = 0;
	int64_t offset;
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_frame_cfa(frame, &ops, &count) != 0 || !count)
		return false;
	if (!is_sum(&ops[0], &number, &offset) || number >= UNWIND_REGISTERS ||
	    offset != (int32_t)offset)
		return false;
	rule->cfa_register = (uint8_t)number;
	rule->cfa_offset = (int32_t)offset;
	if (is_stub(ops, count)) {
		rule->cfa = CFA_PLT;
		rule->cfa_add = (int16_t)(ops[4].atom - DW_OP_lit0);
		return true;
	}
	if (count > 1 && ops[count - 1].atom == DW_OP_plus_uconst) {
		constant = ops[count - 1].number;
		count--;
	}
	if (is_indexed(ops, count, &index)) {
		rule->cfa = CFA_INDEXED;
		rule->cfa_register |= (uint8_t)(index << 4);
		rule->cfa_add = (int16_t)constant;
		return constant <= INT16_MAX;
	}
	if (count == 1) {
		rule->cfa = CFA_REGISTER;
		rule->cfa_offset += (int32_t)constant;
		return constant <= INT16_MAX;
	}
	rule->cfa = CFA_DEREF;
	rule->cfa_add = (int16_t)constant;
	return count == 2 && ops[1].atom == DW_OP_deref && constant <= INT16_MAX;
}

enum answered { AT_CFA, CFA_PLUS, IN_REGISTER, AT_SUM, SAME, UNDEFINED, OTHER };

/* Where the caller's value of a register is; *ret_number and *ret_offset as the answer needs. */
static enum answered answer_register(Dwarf_Frame *frame, int column, uint64_t *ret_number,
				     int64_t *ret_offset)
{
	Dwarf_Op memory[3], *ops;
	size_t count;
	bool is_value;

	*ret_number = 0;
	*ret_offset = 0;
	if (dwarf_frame_register(frame, column, memory, &ops, &count) != 0)
		return OTHER;
	if (!count)
		return ops ? UNDEFINED : SAME;
	if (count == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
		*ret_number = ops[0].atom - DW_OP_reg0;
		return IN_REGISTER;
	}
	if (count == 1 && ops[0].atom == DW_OP_regx) {
		*ret_number = ops[0].number;
		return IN_REGISTER;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa)
		return OTHER;
	is_value = ops[count - 1].atom == DW_OP_stack_value;
	count -= is_value;
	if (count == 1)
		return is_value ? CFA_PLUS : AT_CFA;
	if (count == 2 && is_sum(&ops[1], ret_number, ret_offset))
		return is_value ? OTHER : AT_SUM;
	if (count != 2 || ops[1].atom != DW_OP_plus_uconst)
		return OTHER;
	*ret_offset = (int64_t)ops[1].number;
	return is_value ? CFA_PLUS : AT_CFA;
}

static bool answer_return_address(Dwarf_Frame *frame, struct unwind_rule *rule)
{
	uint64_t number;
	int64_t offset;

	switch (answer_register(frame, RETURN_ADDRESS, &number, &offset)) {
	case AT_CFA:
		rule->ra = (int16_t)offset;
		return offset == (int16_t)offset;
	case IN_REGISTER:
		rule->ra_kind = RA_REGISTER;
		rule->ra = (int16_t)number;
		return number < UNWIND_REGISTERS;
	case UNDEFINED:
		rule->ra_kind = RA_END;
		return true;
	default:
		return false;
	}
}

/* Here what has no rule is a rule: the caller's rbp is lost. */
static void answer_frame_pointer(Dwarf_Frame *frame, struct unwind_rule *rule)
{
	uint64_t number;
	int64_t offset;

	rule->rbp_kind = RBP_UNDEFINED;
	switch (answer_register(frame, UNWIND_RBP, &number, &offset)) {
	case AT_CFA:
		rule->rbp_kind = RBP_AT_CFA;
		break;
	case CFA_PLUS:
		rule->rbp_kind = RBP_CFA_PLUS;
		break;
	case IN_REGISTER:
		rule->rbp_kind = number == UNWIND_RBP ? RBP_SAME : RBP_REGISTER;
		offset = number == UNWIND_RBP ? 0 : (int64_t)number;
		break;
	case AT_SUM:
		if (number == UNWIND_RBP || number == UNWIND_RSP)
			rule->rbp_kind = number == UNWIND_RBP ? RBP_AT_RBP : RBP_AT_RSP;
		else
			offset = 0;
		break;
	case SAME:
		rule->rbp_kind = RBP_SAME;
		break;
	default:
		break;
	}
	rule->rbp_offset = (int16_t)offset;
}

static void answer_rbx(Dwarf_Frame *frame, struct unwind_rule *rule)
{
	uint64_t number;
	int64_t offset;

	rule->rbx_offset = UNWIND_RBX_LOST;
	switch (answer_register(frame, UNWIND_RBX, &number, &offset)) {
	case AT_CFA:
		if (offset != 0 && offset >= INT16_MIN && offset <= INT16_MAX)
			rule->rbx_offset = (int16_t)offset;
		break;
	case IN_REGISTER:
		if (number == UNWIND_RBX)
			rule->rbx_offset = 0;
		break;
	case SAME:
	case UNDEFINED: /* libdw 0.188 has rax instead of it among what callees save */
		rule->rbx_offset = 0;
		break;
	default:
		break;
	}
}

static bool answer_stack_pointer(Dwarf_Frame *frame)
{
	uint64_t number;
	int64_t offset;

	return answer_register(frame, UNWIND_RSP, &number, &offset) == CFA_PLUS && offset == 0;
}

static struct answer ask(const struct subject *subject, uint64_t address)
{
	struct answer answer = { .end = address + 1 };
	Dwarf_Frame *frame = NULL;
	Dwarf_Addr start, end;
	bool is_signal;

	for (int i = 0; i < 2 && !frame; i++) {
		if (!subject->cfi[i])
			continue;
		if (dwarf_cfi_addrframe(subject->cfi[i], address, &frame) == 0)
			break;
		frame = NULL;
		if (strcmp(dwarf_errmsg(-1), "no matching address range") != 0)
			answer.is_damaged = true;
	}
	if (!frame)
		return answer;
	answer.is_found = true;
	(void)dwarf_frame_info(frame, &start, &end, &is_signal);
	answer.end = end > address ? end : address + 1;
	answer.is_supported = answer_cfa(frame, &answer.rule);
	answer.is_supported &= answer_return_address(frame, &answer.rule);
	answer.is_supported &= answer_stack_pointer(frame);
	answer_frame_pointer(frame, &answer.rule);
	answer_rbx(frame, &answer.rule);
	if (is_signal || answer.rule.ra_kind == RA_END) {
		answer.rule = (struct unwind_rule){
			.cfa = CFA_REGISTER,
			.cfa_register = UNWIND_RSP,
			.ra_kind = is_signal ? RA_SIGNAL : RA_END,
		};
		answer.is_supported = true;
	}
	if (!answer.is_supported)
		answer.rule = (struct unwind_rule){ .cfa = CFA_UNSUPPORTED };
	free(frame);
	return answer;
}

/* No rule: libdw must have none for any byte. */
static void compare_hole(struct subject *subject, uint64_t start, uint64_t end)
{
	subject->totals->holes++;
	for (uint64_t address = start; address < end; address++) {
		if (ask(subject, address).is_found) {
			differ(subject, address, "no rule, but libdw has one");
			return;
		}
	}
}

/* From start to end our rule is the same. */
static void compare_row(struct subject *subject, uint64_t start, uint64_t end)
{
	const struct unwind_rule *rule = unwind_table_find(&subject->table, start);
	struct answer answer;

	if (!rule || unwind_table_find(&subject->table, end - 1) != rule) {
		differ(subject, start, "the look-up disagrees with the rows");
		return;
	}
	if (rule->cfa == CFA_NO_RULE) {
		compare_hole(subject, start, end);
		return;
	}
	for (uint64_t address = start; address < end; address = answer.end) {
		answer = ask(subject, address);
		subject->totals->compared += answer.is_found;
		if (answer.is_damaged && rule->cfa == CFA_UNSUPPORTED)
			continue;
		if (!answer.is_found) {
			differ(subject, address, "a rule, but libdw has none");
			return;
		}
		if (memcmp(rule, &answer.rule, sizeof(*rule)) != 0) {
			differ(subject, address, "another rule");
			if (subject->mismatches <= SHOWN_MAX)
				printf("  libdw: cfa %u r%u%+d add %d, ra %u %d, rbp %u %d, rbx "
				       "%d\n",
				       answer.rule.cfa, answer.rule.cfa_register,
				       answer.rule.cfa_offset, answer.rule.cfa_add,
				       answer.rule.ra_kind, answer.rule.ra, answer.rule.rbp_kind,
				       answer.rule.rbp_offset, answer.rule.rbx_offset);
			return;
		}
	}
}

static void compare_table(struct subject *subject)
{
	const struct unwind_table *table = &subject->table;
	const struct unwind_block *blocks =
		(const struct unwind_block *)(table->words + table->first_block);
	uint64_t start = table->code_start;
	uint64_t end = start + (uint64_t)table->block_count * UNWIND_BLOCK_SIZE;
	uint16_t rule = blocks[0].rule;

	for (uint32_t i = 0; i < table->block_count; i++) {
		const struct unwind_row *rows =
			(const struct unwind_row *)(table->words + blocks[i].first_row);
		uint64_t block_start = table->code_start + (uint64_t)i * UNWIND_BLOCK_SIZE;

		if (blocks[i].rule != rule) {
			compare_row(subject, start, block_start);
			start = block_start;
			rule = blocks[i].rule;
		}
		for (uint16_t k = 0; k < blocks[i].row_count; k++) {
			compare_row(subject, start, block_start + rows[k].offset);
			start = block_start + rows[k].offset;
			rule = rows[k].rule;
		}
	}
	compare_row(subject, start, end);
}

static void count_reason(struct totals *totals, const char *text, int err)
{
	for (size_t i = 0; i < REASONS_MAX; i++) {
		struct reason *reason = &totals->reasons[i];

		if (reason->count && strcmp(reason->text, text) != 0)
			continue;
		reason->text = text;
		reason->count++;
		reason->is_refusal = err != -ENODATA && err != -ENOTSUP;
		return;
	}
}

static void compare_file(const char *path, int fd, void *context)
{
	struct totals *totals = context;
	struct subject subject = { .path = path, .totals = totals };
	const char *error;
	int err;

	totals->files++;
	err = unwind_table_build(fd, &subject.table, &error);
	if (err < 0) {
		count_reason(totals, error, err);
		if (err != -ENODATA && err != -ENOTSUP)
			printf("%s: refused: %s\n", path, error);
		return;
	}
	totals->tables++;
	totals->rows += subject.table.row_count;
	totals->read_rows += subject.table.read_row_count;
	totals->skipped += subject.table.skipped_count;
	totals->words += subject.table.word_count;
	for (int i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		totals->unsupported[i] += subject.table.unsupported[i];
	if (subject.table.skipped_count)
		printf("%s: %" PRIu64 " entries skipped\n", path, subject.table.skipped_count);
	subject.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	subject.dwarf = dwarf_begin_elf(subject.elf, DWARF_C_READ, NULL);
	subject.cfi[0] = dwarf_getcfi_elf(subject.elf);
	subject.cfi[1] = subject.dwarf ? dwarf_getcfi(subject.dwarf) : NULL;
	if (subject.cfi[0] || subject.cfi[1])
		compare_table(&subject);
	else
		differ(&subject, subject.table.code_start, "libdw finds no information");
	(void)dwarf_cfi_end(subject.cfi[0]);
	(void)dwarf_end(subject.dwarf);
	(void)elf_end(subject.elf);
	unwind_table_done(&subject.table);
}

static void print_totals(const struct totals *totals)
{
	uint64_t unsupported = 0;

	printf("%" PRIu64 " ELF files, %" PRIu64 " tables, %" PRIu64 " rows (%" PRIu64
	       " read), %.2f bytes a row\n",
	       totals->files, totals->tables, totals->rows, totals->read_rows,
	       totals->rows ? (double)totals->words * 4 / (double)totals->rows : 0.0);
	printf("compared with libdw: %" PRIu64 " rows and %" PRIu64 " holes\n", totals->compared,
	       totals->holes);
	for (int i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++) {
		unsupported += totals->unsupported[i];
		printf("unsupported: %" PRIu64 " %s\n", totals->unsupported[i],
		       unwind_unsupported_name((enum unwind_unsupported)i));
	}
	printf("unsupported: %" PRIu64 " rows, %.4f %%; entries skipped: %" PRIu64 "\n",
	       unsupported, 100.0 * (double)unsupported / (double)(totals->read_rows | 1),
	       totals->skipped);
	for (size_t i = 0; i < REASONS_MAX && totals->reasons[i].count; i++)
		printf("%s: %" PRIu64 " %s\n",
		       totals->reasons[i].is_refusal ? "refused" : "no table",
		       totals->reasons[i].count, totals->reasons[i].text);
	printf("mismatches: %" PRIu64 "\n", totals->mismatches);
}

int main(int argc, char **argv)
{
	struct totals totals = { 0 };

	if (argc < 2) {
		(void)fprintf(stderr, "usage: unwind_oracle PATH...\n");
		return 2;
	}
	(void)elf_version(EV_CURRENT);
	if (visit_elf_paths(argv + 1, compare_file, &totals) < 0)
		return 1;
	print_totals(&totals);
	return totals.mismatches || !totals.tables;
}
