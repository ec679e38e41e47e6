// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The kernel's name of one of its addresses. User space writes address, runs the program and reads
 * text: "schedule", "ext4_read_folio [ext4]", or "0x..." where the kernel knows none. No map is
 * shared and nothing is attached: the program runs in the system call that asks for it.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/* Symbols are at most 511 bytes, a module's name 55 and its build id 40 digits. */
#define TEXT_SIZE 1024

/* bpf_snprintf() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 address;
char text[TEXT_SIZE];

/* The length of text with its NUL, or -errno. */
SEC("syscall")
int name_address(void *context)
{
	static const char format[] = "%ps"; /* no offset, not hashed */

	return (int)bpf_snprintf(text, sizeof(text), format, &address, sizeof(address));
}
