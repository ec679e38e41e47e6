/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_lookup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_name.skel.h"

#define BPF_TAG_DIGITS 16

struct kernel_lookup {
	struct kernel_name_bpf *skeleton; /* NULL: not loaded */
	int err;                          /* -errno: it cannot be */
};

int kernel_lookup_new(struct kernel_lookup **ret)
{
	struct kernel_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	*ret = lookup;
	return 0;
}

void kernel_lookup_free(struct kernel_lookup *lookup)
{
	if (!lookup)
		return;
	kernel_name_bpf__destroy(lookup->skeleton);
	free(lookup);
}

static int load_once(struct kernel_lookup *lookup)
{
	struct kernel_name_bpf *skeleton;

	if (lookup->skeleton || lookup->err)
		return lookup->err;
	libbpf_set_print(NULL);
	skeleton = kernel_name_bpf__open();
	if (!skeleton) {
		lookup->err = -errno;
		return lookup->err;
	}
	lookup->err = kernel_name_bpf__load(skeleton);
	if (lookup->err < 0)
		kernel_name_bpf__destroy(skeleton);
	else
		lookup->skeleton = skeleton;
	return lookup->err;
}

/* The page at this address is user space's, but the kernel takes it for the end of its own text. */
static bool is_vsyscall(uint64_t address)
{
#ifdef __x86_64__
	return address >> 12 == 0xffffffffff600000 >> 12;
#else
	(void)address;
	return false;
#endif
}

int kernel_lookup_find(void *context, uint64_t address, const char **ret_name,
		       const char **ret_module)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct kernel_lookup *lookup = context;
	struct kernel_name_bpf *skeleton;
	int err = load_once(lookup);

	if (err < 0)
		return err;
	if (is_vsyscall(address))
		return 0;
	skeleton = lookup->skeleton;
	skeleton->bss->address = address;
	err = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.name_address), &run);
	if (err < 0)
		return err;
	if ((int)run.retval < 0)
		return (int)run.retval;
	return kernel_lookup_split(skeleton->bss->text, ret_name, ret_module);
}

/* What stands behind prefix, or NULL. */
static const char *behind(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

/*
 * The kernel prints no module for BPF programs, and has functions such as bpf_prog_alloc() and
 * bpf_dispatcher_xdp_func() of its own.
 */
static bool is_bpf(const char *name)
{
	const char *rest = behind(name, "bpf_prog_");

	if (rest)
		return strspn(rest, "0123456789abcdef") == BPF_TAG_DIGITS &&
		       (!rest[BPF_TAG_DIGITS] || rest[BPF_TAG_DIGITS] == '_');
	rest = behind(name, "bpf_trampoline_");
	if (rest)
		return rest[0] && !rest[strspn(rest, "0123456789_")];
	/* Calls into struct_ops programs: bpf__STRUCTURE_MEMBER. */
	return !strcmp(name, "bpf_dispatcher_xdp") || behind(name, "bpf__");
}

bool kernel_lookup_split(char *text, const char **ret_name, const char **ret_module)
{
	char *module = strstr(text, " ["), *end;

	if (!text[0] || behind(text, "0x"))
		return false;
	*ret_name = text;
	if (!module) {
		*ret_module = is_bpf(text) ? "bpf" : "kernel";
		return true;
	}
	*module = '\0';
	module += strlen(" [");
	end = strpbrk(module, " ]"); /* a build id may follow */
	if (end)
		*end = '\0';
	*ret_module = module;
	return true;
}
