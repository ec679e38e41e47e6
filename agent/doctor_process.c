/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/binaries.h"
#include "agent/jit_files.h"
#include "agent/process_maps.h"
#include "agent/process_roots.h"
#include "agent/process_threads.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Each binary is a stranger's, and may take its time; all of a large process take one second. */
#define LOOKING_NS    (10 * NS_PER_SECOND)
/* Of command line and environment; kernels allow some megabytes. */
#define WORDS_SIZE    (256u << 10)
/* Debug files without a build id are few, and small. */
#define CRC_BYTES_MAX (UINT64_C(256) << 20)

struct reading {
	struct doctor_process *process;
	size_t capacity;
	size_t last; /* module of the last mapping: its neighbours mostly are the same's */
};

void doctor_process_done(struct doctor_process *process)
{
	for (size_t i = 0; i < process->module_count; i++)
		free(process->modules[i].path);
	free(process->modules);
	*process = (struct doctor_process){ 0 };
}

static bool is_same(const struct doctor_module *module, const struct mapping_source *source)
{
	return module->inode == source->inode && module->device == source->device &&
	       !strcmp(module->path, source->path);
}

/* NULL: there is none yet. */
static struct doctor_module *find_module(struct reading *reading,
					 const struct mapping_source *source)
{
	struct doctor_process *process = reading->process;

	if (reading->last < process->module_count &&
	    is_same(&process->modules[reading->last], source))
		return &process->modules[reading->last];
	for (size_t i = 0; i < process->module_count; i++) {
		if (!is_same(&process->modules[i], source))
			continue;
		reading->last = i;
		return &process->modules[i];
	}
	return NULL;
}

static int add_module(struct reading *reading, const struct mapping_source *source)
{
	struct doctor_process *process = reading->process;
	struct doctor_module *modules, module = {
		.start = source->start,
		.end = source->end,
		.inode = source->inode,
		.device = source->device,
		.text_bytes = source->end - source->start,
	};

	modules = array_reserve(process->modules, process->module_count, &reading->capacity,
				sizeof(*modules));
	if (!modules)
		return -ENOMEM;
	process->modules = modules;
	module.path = strdup(source->path);
	if (!module.path)
		return -ENOMEM;
	reading->last = process->module_count;
	process->modules[process->module_count++] = module;
	return 0;
}

static int on_mapping(void *context, struct mapping_source *source, uint64_t file_offset)
{
	struct reading *reading = context;
	struct doctor_process *process = reading->process;
	enum binary_kind kind = binary_kind_of(source->path);
	struct doctor_module *module;

	(void)file_offset;
	if (source->end <= source->start)
		return 0;
	/* Code that was written into shared memory is as good as anonymous. */
	if (kind == BINARY_ANONYMOUS || !strncmp(source->path, "/memfd:", strlen("/memfd:")) ||
	    !strncmp(source->path, "/dev/zero", strlen("/dev/zero"))) {
		process->anonymous_bytes += source->end - source->start;
		return 0;
	}
	if (kind != BINARY_FILE)
		return 0;
	if (jit_files_is_dump_name(source->path)) {
		process->has_dump = true;
		return 0;
	}
	module = find_module(reading, source);
	if (module) {
		module->text_bytes += source->end - source->start;
		return 0;
	}
	if (process->module_count == DOCTOR_MODULES_MAX) {
		process->dropped++;
		return 0;
	}
	return add_module(reading, source);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum doctor_runtime runtime_of(const char *path)
{
	static const struct {
		const char *prefix;
		bool is_whole;
		enum doctor_runtime runtime;
	} known[] = {
		{ "libjvm.so", false, RUNTIME_JAVA },       { "node", true, RUNTIME_NODE },
		{ "nodejs", true, RUNTIME_NODE },           { "libnode.so", false, RUNTIME_NODE },
		{ "python3", false, RUNTIME_PYTHON },       { "libpython3", false, RUNTIME_PYTHON },
		{ "libcoreclr.so", false, RUNTIME_DOTNET }, { "libluajit", false, RUNTIME_OTHER },
		{ "beam.smp", false, RUNTIME_OTHER },
	};
	const char *name = base_name(path);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].is_whole ? !strcmp(name, known[i].prefix)
				      : begins_with(name, known[i].prefix))
			return known[i].runtime;
	}
	return RUNTIME_NONE;
}

/* Python is embedded in others, and has no code of its own making: what else there is says more. */
static void find_runtime(struct doctor_process *process)
{
	for (size_t i = 0; i < process->module_count; i++) {
		enum doctor_runtime runtime = runtime_of(process->modules[i].path);

		if (runtime == RUNTIME_NONE ||
		    (runtime == RUNTIME_PYTHON && process->runtime != RUNTIME_NONE))
			continue;
		process->runtime = runtime;
	}
}

static bool is_jit_flag(enum doctor_runtime runtime, const char *word, const char *before)
{
	switch (runtime) {
	case RUNTIME_JAVA:
		return strstr(word, "-XX:+PreserveFramePointer");
	case RUNTIME_NODE:
		return strstr(word, "--perf-basic-prof") || strstr(word, "--perf-prof") ||
		       strstr(word, "--perf_basic_prof") || strstr(word, "--perf_prof");
	case RUNTIME_PYTHON:
		return !strcmp(word, "-Xperf") || !strcmp(word, "PYTHONPERFSUPPORT=1") ||
		       (!strcmp(word, "perf") && before && !strcmp(before, "-X"));
	case RUNTIME_DOTNET:
		return begins_with(word, "DOTNET_PerfMapEnabled=") ||
		       begins_with(word, "COMPlus_PerfMapEnabled=");
	default:
		return false;
	}
}

/* Words of a command line or an environment, with a NUL behind each. */
static bool has_flag(const struct doctor_process *process, const char *name)
{
	CLEANUP(cleanup_fd) int fd = process_open(process->pid, name, O_RDONLY);
	CLEANUP(cleanup_free) char *words = malloc(WORDS_SIZE + 1);
	const char *before = NULL;
	size_t size = 0;
	ssize_t n = 1;

	if (fd < 0 || !words)
		return false;
	while (size < WORDS_SIZE && n > 0) {
		n = read(fd, words + size, WORDS_SIZE - size);
		size += n > 0 ? (size_t)n : 0;
	}
	words[size] = '\0';
	for (const char *word = words; word < words + size; word += strlen(word) + 1) {
		if (is_jit_flag(process->runtime, word, before))
			return true;
		before = word;
	}
	return false;
}

static void find_perf_map(struct doctor_process *process)
{
	struct jit_files files;
	CLEANUP(cleanup_fd) int fd = -1;

	process->map_err = jit_files_find(process->pid, &files);
	if (process->map_err < 0)
		return;
	fd = jit_files_open_map(&files);
	process->map_err = fd < 0 ? fd : 0;
	jit_files_done(&files);
}

static void read_name(struct doctor_process *process)
{
	CLEANUP(cleanup_fd) int fd = process_open(process->pid, "comm", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, process->name, sizeof(process->name) - 1);

	process->name[n > 0 ? n : 0] = '\0';
	process->name[strcspn(process->name, "\n")] = '\0';
}

static void read_modules(struct doctor_process *process)
{
	struct process_roots roots = { 0 };
	struct link_crcs crcs;
	int root_fd = process_roots_find(&roots, process->pid);
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);

	link_crcs_init(&crcs, CRC_BYTES_MAX);
	for (size_t i = 0; i < process->module_count; i++) {
		struct doctor_module *module = &process->modules[i];

		module->is_late = clock_ns(CLOCK_MONOTONIC) - begin_ns > LOOKING_NS;
		if (!module->is_late)
			doctor_module_read(process->pid, root_fd, &crcs, module);
	}
	link_crcs_done(&crcs);
	process_roots_done(&roots);
	/* Packages are of our root; what a container has installed its own lists say. */
	if (root_fd == PROCESS_ROOT_OURS)
		doctor_packages_find("", process->modules, process->module_count);
}

int doctor_process_read(int32_t pid, struct doctor_process *ret)
{
	CLEANUP(doctor_process_done) struct doctor_process process = { .pid = pid };
	struct reading reading = { .process = &process };
	CLEANUP(cleanup_file) FILE *maps = NULL;
	struct process_thread thread;
	int err;

	if (process_thread_read("", pid, &thread) < 0) {
		process.err = -ESRCH;
	} else {
		read_name(&process);
		process.leader = thread.pid == pid ? 0 : thread.pid;
		process.is_kernel = thread.is_kernel;
		process.has_ended = thread.has_ended && !process_threads_living("", pid);
		process.err = process_maps_open(pid, &maps);
	}
	if (!process.err && !maps)
		process.has_ended = process.has_ended || !process.is_kernel;
	err = process_maps_read(maps, pid, on_mapping, &reading);
	if (err == -ENOMEM)
		return err;
	if (maps && !process.err) {
		find_runtime(&process);
		process.has_jit_flag =
			has_flag(&process, "cmdline") || has_flag(&process, "environ");
		find_perf_map(&process);
		read_modules(&process);
	}
	*ret = process;
	process = (struct doctor_process){ 0 };
	return 0;
}
