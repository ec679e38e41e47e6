/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the running kernel has the fields that BPF programs read, for libbpf's CO-RE: the little of
 * /sys/kernel/btf/vmlinux that they need.
 *
 * libbpf would read that file itself, and copy it: 10 MB, three tenths of eprof's CPU time and most
 * of its memory, for a dozen fields. Here it is read through a small window, once.
 */
#ifndef EPROF_AGENT_KERNEL_LAYOUT_H
#define EPROF_AGENT_KERNEL_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * btf is the BTF of a BPF object (size bytes): declarations of kernel structures with the fields
 * that it reads. Each structure that the kernel (kernel_fd, its BTF in raw form) has by the same
 * name gets the kernel's size and offsets. A field that the kernel lacks, or has as something else
 * (a pointer and no number, a number of another size), loses its name: a program that needs it is
 * not loaded then. What comes out is for bpf_object_open_opts.btf_custom_path.
 *
 * 0; -EBADMSG when one of the two is not well-formed, or cannot be read; -ENOENT no structure is
 * the kernel's; -ENOTSUP what the object needs only libbpf can tell; -ENOMEM. On failure btf is
 * what it was.
 */
int kernel_layout_apply(int kernel_fd, void *btf, size_t size);

#endif
