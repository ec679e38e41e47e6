// SPDX-License-Identifier: Apache-2.0
/*
 * What this kernel has for eprof, and what it had to do for the programs that are loaded now.
 *
 *	kernel_facts             which ways eprof goes here, and which fall-backs it needs
 *	kernel_facts programs    what the verifier went through for each loaded program
 *
 * Each fact is a line: its name, a tab, and what there is to say.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/kernel_layout.h"
#include "agent/kernel_lookup.h"
#include "base/cleanup.h"
#include "bpf/abi.h"
#include "sampler.skel.h"

#define NS_PER_MS    1000000
#define PROGRAMS_MAX 64

/* A function that every kernel has, and keeps. */
#define SOME_FUNCTION "vfs_read"

static void print_fact(const char *name, const char *good, const char *bad, int err)
{
	if (err < 0)
		printf("%s\t%s (%s)\n", name, bad, strerror(-err));
	else
		printf("%s\t%s\n", name, good);
}

static int apply_layout(void)
{
	struct sampler_bpf *skeleton = sampler_bpf__open();
	CLEANUP(cleanup_fd) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_free) void *copy = NULL;
	const void *bytes;
	uint32_t size;

	if (!skeleton || fd < 0)
		return -errno;
	bytes = btf__raw_data(bpf_object__btf(skeleton->obj), &size);
	copy = malloc(size);
	if (copy)
		memcpy(copy, bytes, size);
	sampler_bpf__destroy(skeleton);
	return copy ? kernel_layout_apply(fd, copy, size) : -ENOMEM;
}

static uint64_t address_of(const char *wanted)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/kallsyms", "re");
	char name[128];
	uint64_t address;

	while (file && fscanf(file, "%" SCNx64 " %*c %127s%*[^\n]", &address, name) == 2) {
		if (!strcmp(name, wanted))
			return address;
	}
	return 0;
}

static int name_address(void)
{
	struct kernel_lookup *lookup = NULL;
	const char *name = "", *module = "";
	int err = kernel_lookup_new(&lookup);

	if (err < 0)
		return err;
	err = kernel_lookup_find(lookup, address_of(SOME_FUNCTION), &name, &module);
	if (err >= 0 && strcmp(name, SOME_FUNCTION) != 0)
		err = -ENOENT;
	kernel_lookup_free(lookup);
	return err;
}

/* Whether maps go into an array of maps in batches, as tables do. */
static int update_in_batch(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	CLEANUP(cleanup_fd) int inner = -1;
	CLEANUP(cleanup_fd) int outer = -1;
	uint32_t key = 0, count = 1;

	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", sizeof(key), UNWIND_CHUNK_SIZE, 1,
			       &options);
	if (inner < 0)
		return inner;
	options.map_flags = 0;
	options.inner_map_fd = (uint32_t)inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "outer", sizeof(key), sizeof(key), 1,
			       &options);
	if (outer < 0)
		return outer;
	return bpf_map_update_batch(outer, &key, &inner, &count, NULL);
}

static int program_info(uint32_t id, struct bpf_prog_info *ret)
{
	CLEANUP(cleanup_fd) int fd = bpf_prog_get_fd_by_id(id);
	uint32_t size = sizeof(*ret);

	if (fd < 0)
		return fd;
	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &size);
}

/* A program's load_time is when its verification began: it took until the next one's, about. */
static void print_programs(void)
{
	struct bpf_prog_info programs[PROGRAMS_MAX];
	size_t count = 0;
	uint32_t id = 0;

	while (count < PROGRAMS_MAX && !bpf_prog_get_next_id(id, &id)) {
		if (!program_info(id, &programs[count]) && programs[count].type)
			count++;
	}
	for (size_t i = 0; i < count; i++) {
		printf("program %s\t", programs[i].name);
		if (programs[i].verified_insns)
			printf("%u instructions verified", programs[i].verified_insns);
		else
			printf("instructions verified: this kernel does not tell");
		if (i + 1 < count)
			printf(", loaded in %" PRIu64 " ms",
			       (uint64_t)((programs[i + 1].load_time - programs[i].load_time) /
					  NS_PER_MS));
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	libbpf_set_print(NULL);
	if (argc > 1 && !strcmp(argv[1], "programs")) {
		print_programs();
		return 0;
	}
	print_fact("kernel's layout", "read by eprof", "fall-back: read by libbpf", apply_layout());
	print_fact("kernel's names", "asked one by one", "fall-back: /proc/kallsyms",
		   name_address());
	print_fact("unwind tables", "handed over in batches", "fall-back: handed over one by one",
		   update_in_batch());
	return 0;
}
