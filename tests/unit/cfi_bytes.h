/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame information made to order: bytes, records, and an x86-64 ELF file around them whose
 * code is as long as a test wants.
 */
#ifndef EPROF_TESTS_UNIT_CFI_BYTES_H
#define EPROF_TESTS_UNIT_CFI_BYTES_H

#include <assert.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/dwarf_reader.h"

/* The file is mapped from here on; its code, which has no bytes but zeros, there. */
#define FILE_ADDRESS 0x10000
#define CODE_ADDRESS 0x400000
#define CFI_OFFSET   0x400

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define NOTHING    ((const uint8_t *)""), 0

struct bytes {
	uint8_t *data;
	size_t size, capacity;
};

static inline void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
	while (bytes->size + size > bytes->capacity) {
		bytes->capacity = bytes->capacity ? 2 * bytes->capacity : 256;
		bytes->data = realloc(bytes->data, bytes->capacity);
		assert(bytes->data);
	}
	if (size)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static inline void bytes_put_u8(struct bytes *bytes, uint8_t value)
{
	bytes_put(bytes, &value, sizeof(value));
}

static inline void bytes_put_u32(struct bytes *bytes, uint32_t value)
{
	bytes_put(bytes, &value, sizeof(value));
}

static inline void bytes_put_u64(struct bytes *bytes, uint64_t value)
{
	bytes_put(bytes, &value, sizeof(value));
}

static inline void bytes_put_uleb(struct bytes *bytes, uint64_t value)
{
	do {
		bytes_put_u8(bytes, (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
		value >>= 7;
	} while (value);
}

/* What test files hold; the zero value is an empty one with section headers. */
struct cfi_image {
	struct bytes eh_frame, debug_frame;
	uint64_t code_size;
	/* The first executable segment; CODE_ADDRESS unless set. */
	uint64_t code_address;
	bool has_no_sections;
	bool has_eh_frame_hdr;
	bool is_debug_compressed; /* debug_frame is what the test has compressed */
	uint16_t machine;         /* EM_X86_64 unless set */
};

/* A record begins with its length, which cfi_end() knows. Returns where that is. */
static inline size_t cfi_begin(struct bytes *section)
{
	size_t at = section->size;

	bytes_put_u32(section, 0);
	return at;
}

static inline void cfi_end(struct bytes *section, size_t at)
{
	uint32_t length;

	while (section->size % 4)
		bytes_put_u8(section, 0);
	length = (uint32_t)(section->size - at - sizeof(length));
	memcpy(section->data + at, &length, sizeof(length));
}

/* A common entry of .eh_frame; data is that of the augmentation, behind its size. Its offset. */
static inline size_t cfi_put_common(struct bytes *section, const char *augmentation,
				    const uint8_t *data, size_t data_size,
				    const uint8_t *instructions, size_t size)
{
	size_t at = cfi_begin(section);

	bytes_put_u32(section, 0);
	bytes_put_u8(section, 1);
	bytes_put(section, augmentation, strlen(augmentation) + 1);
	bytes_put_uleb(section, 1);
	bytes_put_u8(section, 0x78); /* -8 */
	bytes_put_u8(section, 16);
	if (augmentation[0] == 'z')
		bytes_put_uleb(section, data_size);
	bytes_put(section, data, data_size);
	bytes_put(section, instructions, size);
	cfi_end(section, at);
	return at;
}

/* The one of gcc: pointers are 32 bits wide and relative, CFA = rsp + 8, return address there. */
static inline size_t cfi_put_usual_common(struct bytes *section)
{
	return cfi_put_common(section, "zR", BYTES(DW_EH_PE_pcrel | DW_EH_PE_sdata4),
			      BYTES(0x0c, 7, 8, 0x90, 1));
}

/* An entry for length bytes of code at an offset of it, of the usual common entry. */
static inline size_t cfi_put_function(struct bytes *section, size_t common, uint64_t offset,
				      uint32_t length, const uint8_t *instructions, size_t size)
{
	size_t at = cfi_begin(section);

	bytes_put_u32(section, (uint32_t)(section->size - common));
	bytes_put_u32(section, (uint32_t)(CODE_ADDRESS + offset -
					  (FILE_ADDRESS + CFI_OFFSET + section->size)));
	bytes_put_u32(section, length);
	bytes_put_uleb(section, 0);
	bytes_put(section, instructions, size);
	cfi_end(section, at);
	return at;
}

static inline void cfi_put_terminator(struct bytes *section)
{
	bytes_put_u32(section, 0);
}

/* Writes the section headers at the end of the file, which has size bytes. */
static inline void cfi_write_sections(int fd, const struct cfi_image *image, Elf64_Ehdr *header,
				      uint64_t debug_offset, uint64_t size)
{
	static const char names[] = "\0.eh_frame\0.debug_frame\0.shstrtab";
	const Elf64_Shdr sections[] = {
		{ 0 },
		{ .sh_name = 1,
		  .sh_type = SHT_PROGBITS,
		  .sh_flags = SHF_ALLOC,
		  .sh_addr = FILE_ADDRESS + CFI_OFFSET,
		  .sh_offset = CFI_OFFSET,
		  .sh_size = image->eh_frame.size },
		{ .sh_name = 11,
		  .sh_type = SHT_PROGBITS,
		  .sh_flags = image->is_debug_compressed ? SHF_COMPRESSED : 0,
		  .sh_offset = debug_offset,
		  .sh_size = image->debug_frame.size },
		{ .sh_name = 24,
		  .sh_type = SHT_STRTAB,
		  .sh_offset = size,
		  .sh_size = sizeof(names) },
	};

	assert(pwrite(fd, names, sizeof(names), (off_t)size) == sizeof(names));
	header->e_shoff = size + sizeof(names);
	header->e_shentsize = sizeof(sections[0]);
	header->e_shnum = sizeof(sections) / sizeof(sections[0]);
	header->e_shstrndx = 3;
	assert(pwrite(fd, sections, sizeof(sections), (off_t)header->e_shoff) == sizeof(sections));
}

/* The file, open for reading; the caller closes it. */
static inline int cfi_image_open(const struct cfi_image *image)
{
	uint64_t code_offset = (CFI_OFFSET + image->eh_frame.size + 0xfff) & ~0xfffull;
	uint64_t debug_offset = code_offset + image->code_size;
	uint64_t size = debug_offset + image->debug_frame.size;
	uint32_t to_eh_frame = CFI_OFFSET - (CFI_OFFSET - 16 + 4);
	uint8_t eh_frame_hdr[16] = { 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_omit,
				     DW_EH_PE_omit };
	Elf64_Phdr segments[] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R,
		  .p_vaddr = FILE_ADDRESS,
		  .p_filesz = CFI_OFFSET + image->eh_frame.size,
		  .p_memsz = CFI_OFFSET + image->eh_frame.size },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = code_offset,
		  .p_vaddr = image->code_address ? image->code_address : CODE_ADDRESS,
		  .p_filesz = image->code_size,
		  .p_memsz = image->code_size },
		{ .p_type = image->has_eh_frame_hdr ? PT_GNU_EH_FRAME : PT_NULL,
		  .p_offset = CFI_OFFSET - sizeof(eh_frame_hdr),
		  .p_vaddr = FILE_ADDRESS + CFI_OFFSET - sizeof(eh_frame_hdr),
		  .p_filesz = sizeof(eh_frame_hdr) },
	};
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = image->machine ? image->machine : EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(segments[0]),
		.e_phnum = sizeof(segments) / sizeof(segments[0]),
	};
	int fd = memfd_create("cfi", MFD_CLOEXEC);

	assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	if (!image->has_no_sections)
		cfi_write_sections(fd, image, &header, debug_offset, size);
	memcpy(eh_frame_hdr + 4, &to_eh_frame, sizeof(to_eh_frame));
	assert(pwrite(fd, &header, sizeof(header), 0) == sizeof(header));
	assert(pwrite(fd, segments, sizeof(segments), sizeof(header)) == sizeof(segments));
	assert(pwrite(fd, eh_frame_hdr, sizeof(eh_frame_hdr), CFI_OFFSET - sizeof(eh_frame_hdr)) ==
	       sizeof(eh_frame_hdr));
	if (image->eh_frame.size)
		assert(pwrite(fd, image->eh_frame.data, image->eh_frame.size, CFI_OFFSET) ==
		       (ssize_t)image->eh_frame.size);
	if (image->debug_frame.size)
		assert(pwrite(fd, image->debug_frame.data, image->debug_frame.size,
			      (off_t)debug_offset) == (ssize_t)image->debug_frame.size);
	return fd;
}

static inline void cfi_image_done(struct cfi_image *image)
{
	free(image->eh_frame.data);
	free(image->debug_frame.data);
	*image = (struct cfi_image){ 0 };
}

#endif
