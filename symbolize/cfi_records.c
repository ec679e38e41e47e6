/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/cfi_merge.h"
#include "symbolize/dwarf_reader.h"

/* A length of 4 bytes that says: there are 8 more, which are the length. */
#define LENGTH_IS_LONG 0xffffffffu

/* The identifiers of common entries in .debug_frame; in .eh_frame it is 0. */
#define DEBUG_COMMON_ID      0xffffffffull
#define DEBUG_COMMON_ID_LONG 0xffffffffffffffffull

#define ADDRESS_SIZE 8

/*
 * Powers of two, as capacities are. libLLVM, with 50 MB of code, has 95,000 functions. Each object
 * file has a common entry, where the linker merges none.
 */
#define FUNCTIONS_MAX (2u << 20)
#define COMMONS_MAX   (1u << 18)
#define CAPACITY_MIN  64

/* Linkers write these in .debug_frame for the address of a function that they left out. */
#define DEBUG_TOMBSTONE_MAX 1

struct walker {
	struct elf_reader *reader; /* for its error */
	struct cfi_records *records;
	const struct cfi_section *section;
	uint8_t section_index;
	size_t first_common; /* of this section */
	size_t common;       /* of the entry before: most refer to the same one */
};

/* One record, without its length. */
struct record {
	struct dwarf_reader body;
	uint64_t offset;    /* of its length */
	uint64_t id_offset; /* of what tells common entries from others */
	uint64_t id;
	bool is_common;
};

void cfi_records_done(struct cfi_records *records)
{
	cfi_sections_done(&records->sections);
	free(records->commons);
	free(records->functions);
	*records = (struct cfi_records){ 0 };
}

/* Room for one more element. */
static int grow(struct elf_reader *reader, void *array, size_t *capacity, size_t count, size_t size,
		size_t max)
{
	size_t wanted = *capacity ? 2 * *capacity : CAPACITY_MIN;
	void *grown;

	if (count < *capacity)
		return 0;
	if (count >= max)
		return elf_reader_fail(reader, -EFBIG, "too much call frame information");
	grown = reallocarray(*(void **)array, wanted, size);
	if (!grown)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	*(void **)array = grown;
	*capacity = wanted;
	return 0;
}

/*
 * What the letters of an augmentation say, after the 'z' that gives the size of their data. Data of
 * unknown letters can be skipped, but not read past: false when a letter that matters comes after.
 */
static bool read_letters(struct cfi_common_entry *entry, const char *letters,
			 struct dwarf_reader *data)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			entry->common.pointer_encoding = dwarf_u8(data);
			break;
		case 'P':
			dwarf_skip_pointer(data, dwarf_u8(data));
			break;
		case 'L':
			(void)dwarf_u8(data);
			break;
		case 'S':
			entry->is_signal = true;
			break;
		case 'B':
			/* Which key signs return addresses, on another machine. */
			break;
		default:
			return !strpbrk(letters, "RS");
		}
	}
	return !data->failed;
}

/* The augmentation string, which the reader is at; NULL when it does not end. */
static const char *read_string(struct dwarf_reader *reader)
{
	const char *string = (const char *)reader->at;
	size_t length = strnlen(string, dwarf_left(reader));

	return dwarf_bytes(reader, length + 1) ? string : NULL;
}

static bool parse_common(struct dwarf_reader body, struct cfi_common_entry *entry)
{
	uint8_t version = dwarf_u8(&body);
	const char *augmentation = read_string(&body);
	uint64_t column;

	if (!augmentation || (version != 1 && version != 3 && version != 4))
		return false;
	if (version == 4 && (dwarf_u8(&body) != ADDRESS_SIZE || dwarf_u8(&body) != 0))
		return false;
	entry->common.code_factor = dwarf_uleb128(&body);
	entry->common.data_factor = dwarf_sleb128(&body);
	column = version == 1 ? dwarf_u8(&body) : dwarf_uleb128(&body);
	if (column != CFI_RETURN_ADDRESS)
		return false;
	if (augmentation[0] == 'z') {
		uint64_t size = dwarf_uleb128(&body);
		struct dwarf_reader data = body;

		if (!dwarf_bytes(&body, size))
			return false;
		data.end = body.at;
		entry->has_augmentation_data = true;
		if (!read_letters(entry, augmentation + 1, &data))
			return false;
	} else if (augmentation[0]) {
		return false;
	}
	return !body.failed && cfi_common_init(&entry->common, body);
}

static int add_common(struct walker *walker, const struct record *record)
{
	struct cfi_records *records = walker->records;
	struct cfi_common_entry *entry;
	int err;

	err = grow(walker->reader, &records->commons, &records->common_capacity,
		   records->common_count, sizeof(*entry), COMMONS_MAX);
	if (err < 0)
		return err;
	entry = &records->commons[records->common_count++];
	*entry = (struct cfi_common_entry){
		.offset = record->offset,
		.section = walker->section_index,
	};
	entry->is_usable = parse_common(record->body, entry);
	return 0;
}

/* The common entry at an offset of the section; NULL when there is none before this record. */
static const struct cfi_common_entry *find_common(struct walker *walker, uint64_t offset)
{
	const struct cfi_common_entry *commons = walker->records->commons;
	size_t low = walker->first_common, high = walker->records->common_count;

	if (walker->common < high && commons[walker->common].offset == offset)
		return &commons[walker->common];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (commons[middle].offset == offset) {
			walker->common = middle;
			return &commons[middle];
		}
		if (commons[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* False when the entry is malformed; *ret_function has a size of 0 when there is no such code. */
static bool parse_function(struct walker *walker, const struct record *record,
			   struct cfi_function *ret_function)
{
	static const struct dwarf_bases no_bases;
	const struct code_ranges *code = &walker->records->code;
	struct dwarf_reader body = record->body;
	struct cfi_function function = { 0 };
	const struct cfi_common_entry *entry;
	uint64_t start, size, end;
	uint8_t encoding;

	/* .eh_frame counts back from where the identifier is. */
	entry = find_common(walker, walker->section->is_debug_frame
					    ? record->id
					    : record->id_offset - record->id);
	if (!entry || !entry->is_usable)
		return false;
	encoding = entry->common.pointer_encoding;
	start = dwarf_pointer(&body, encoding, &no_bases);
	size = dwarf_pointer(&body, encoding & DW_EH_PE_FORMAT_MASK, &no_bases);
	if (entry->has_augmentation_data)
		(void)dwarf_bytes(&body, dwarf_uleb128(&body));
	if (body.failed)
		return false;
	end = start + size;
	if (start > DEBUG_TOMBSTONE_MAX && size && end > start &&
	    code_ranges_clip(code, start, &end)) {
		function.start = (uint32_t)(start - code->base);
		function.entry = function.start;
		function.end = (uint32_t)(end - code->base);
		function.program = (uint32_t)(body.at - walker->section->bytes);
		function.program_size = (uint32_t)dwarf_left(&body);
		function.common = (uint32_t)(entry - walker->records->commons);
	}
	*ret_function = function;
	return true;
}

static int add_function(struct walker *walker, const struct record *record)
{
	struct cfi_records *records = walker->records;
	struct cfi_function function;
	int err;

	if (!parse_function(walker, record, &function)) {
		records->skipped_count++;
		return 0;
	}
	if (function.start == function.end)
		return 0;
	err = grow(walker->reader, &records->functions, &records->function_capacity,
		   records->function_count, sizeof(function), FUNCTIONS_MAX);
	if (err < 0)
		return err;
	records->functions[records->function_count++] = function;
	return 0;
}

/*
 * Reads the head of the next record. False at the terminator, and where lengths make no sense: then
 * the reader has failed.
 */
static bool next_record(const struct cfi_section *section, struct dwarf_reader *reader,
			struct record *ret)
{
	struct record record = { .offset = (uint64_t)(reader->at - section->bytes) };
	uint64_t length = dwarf_u32(reader);
	bool is_long = length == LENGTH_IS_LONG;

	if (is_long)
		length = dwarf_u64(reader);
	if (!length || reader->failed)
		return false;
	record.id_offset = (uint64_t)(reader->at - section->bytes);
	record.body = *reader;
	if (!dwarf_bytes(reader, length))
		return false;
	record.body.end = reader->at;
	if (!section->is_debug_frame) {
		/* 4 bytes, whatever the length has. */
		record.id = dwarf_u32(&record.body);
		record.is_common = record.id == 0;
	} else if (is_long) {
		record.id = dwarf_u64(&record.body);
		record.is_common = record.id == DEBUG_COMMON_ID_LONG;
	} else {
		record.id = dwarf_u32(&record.body);
		record.is_common = record.id == DEBUG_COMMON_ID;
	}
	*ret = record;
	return true;
}

static int walk(struct walker *walker)
{
	const struct cfi_section *section = walker->section;
	struct dwarf_reader reader =
		dwarf_reader_of(section->bytes, section->size, section->address);
	struct record record;
	int err = 0;

	while (err == 0 && dwarf_left(&reader) && next_record(section, &reader, &record)) {
		if (record.is_common)
			err = add_common(walker, &record);
		else
			err = add_function(walker, &record);
	}
	if (err == 0 && reader.failed && section->is_size_known)
		return elf_reader_fail(walker->reader, -ENOEXEC,
				       "call frame information is cut or damaged");
	return err;
}

/* Offsets in code are below CODE_SPAN_MAX: three digits of 11 bits. */
#define DIGIT_BITS  11
#define DIGIT_COUNT 3
#define DIGITS      (1u << DIGIT_BITS)
_Static_assert(CODE_SPAN_MAX <= 1ull << (DIGIT_BITS * DIGIT_COUNT), "all bits are sorted by");

/* Sorts by one digit of start, and leaves equal ones in their order. */
static void sort_by_digit(const struct cfi_function *from, struct cfi_function *to, size_t count,
			  unsigned int shift)
{
	size_t places[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i++)
		places[from[i].start >> shift & (DIGITS - 1)]++;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t before = sum;

		sum += places[i];
		places[i] = before;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i].start >> shift & (DIGITS - 1)]++] = from[i];
}

static bool is_sorted(const struct cfi_records *records)
{
	for (size_t i = 1; i < records->function_count; i++)
		if (records->functions[i].start < records->functions[i - 1].start)
			return false;
	return true;
}

static int sort_functions(struct cfi_records *records)
{
	size_t count = records->function_count;
	CLEANUP(cleanup_free) struct cfi_function *other = NULL;

	if (is_sorted(records))
		return 0;
	other = malloc(count * sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (unsigned int digit = 0; digit < DIGIT_COUNT; digit++) {
		struct cfi_function *sorted = other;

		sort_by_digit(records->functions, sorted, count, digit * DIGIT_BITS);
		other = records->functions;
		records->functions = sorted;
		records->function_capacity = count;
	}
	return 0;
}

int cfi_records_read(struct elf_reader *reader, struct cfi_records *ret)
{
	CLEANUP(cfi_records_done) struct cfi_records records = { 0 };
	int err;

	err = code_ranges_read(reader, &records.code);
	if (err < 0)
		return err;
	err = cfi_sections_read(reader, &records.sections);
	if (err < 0)
		return err;
	for (size_t i = 0; i < records.sections.count; i++) {
		struct walker walker = {
			.reader = reader,
			.records = &records,
			.section = &records.sections.list[i],
			.section_index = (uint8_t)i,
			.first_common = records.common_count,
			.common = records.common_count,
		};

		err = walk(&walker);
		if (err < 0)
			return err;
	}
	if (!records.function_count && records.skipped_count)
		return elf_reader_fail(reader, -ENOEXEC, "no entry for a function can be read");
	if (!records.function_count)
		return elf_reader_fail(reader, -ENODATA, "no call frame information");
	err = sort_functions(&records);
	if (!err)
		err = cfi_merge(&records);
	if (err < 0)
		return elf_reader_fail(reader, err, "out of memory");
	*ret = records;
	records = (struct cfi_records){ 0 };
	return 0;
}
