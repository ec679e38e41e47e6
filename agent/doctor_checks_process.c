/* SPDX-License-Identifier: Apache-2.0 */
/* The part of doctor.h about a process: what of its stacks will have callers, and names. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/doctor.h"

/* What can be walked without tables, or is not code of the program, is some percent of all. */
#define UNWIND_PERCENT_MIN 95
#define KIB                10

static int add(struct findings *findings, const char *subject, struct finding *finding)
{
	(void)snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
	return findings_add(findings, finding);
}

static void check_existence(const struct doctor_process *process, struct finding *ret)
{
	int32_t pid = process->pid;

	if (process->err == -ESRCH) {
		finding_set(ret, FINDING_FAIL, "no such process %" PRId32, pid);
		finding_advise(ret, "ps -e lists those that are there");
	} else if (process->err) {
		finding_set(ret, FINDING_FAIL, "what %" PRId32 " (%s) has mapped: %s", pid,
			    process->name, strerror(-process->err));
		finding_advise(ret, "run it as root (sudo); if that is root's answer, a "
				    "security module guards the process");
	} else if (process->leader) {
		finding_set(ret, FINDING_FAIL, "%" PRId32 " is a thread of process %" PRId32, pid,
			    process->leader);
		finding_advise(ret, "use -p %" PRId32, process->leader);
	} else if (process->is_kernel) {
		finding_set(ret, FINDING_NOTE, "%" PRId32 " (%s) is a kernel thread", pid,
			    process->name);
		finding_advise(ret, "its time off a CPU takes -a --kernel-threads");
	} else if (process->has_ended) {
		finding_set(ret, FINDING_FAIL, "%" PRId32 " (%s) has ended (it is a zombie)", pid,
			    process->name);
		finding_advise(ret, "look for the process that took its place");
	} else {
		finding_set(ret, FINDING_OK, "%" PRId32 " (%s) can be read", pid, process->name);
	}
}

static bool keeps_frame_pointers(const struct doctor_module *module)
{
	return module->is_go || frame_pointers_judge(&module->census) == FRAME_POINTERS_KEPT;
}

static void check_unwind(const struct doctor_process *process, struct finding *ret)
{
	uint64_t all = process->anonymous_bytes, with_tables = 0, percent;

	for (size_t i = 0; i < process->module_count; i++) {
		const struct doctor_module *module = &process->modules[i];

		all += module->text_bytes;
		with_tables += module->has_unwind ? module->text_bytes : 0;
	}
	/* Bytes are of an address space: this does not overflow. */
	percent = all ? with_tables / (1 + all / 100) : 0;
	if (percent > 100)
		percent = 100;
	if (all && with_tables == all)
		percent = 100;
	finding_set(ret, FINDING_OK, "%" PRIu64 "%% of %" PRIu64 " KiB of code have them", percent,
		    all >> KIB);
	if (percent >= UNWIND_PERCENT_MIN)
		return;
	ret->level = FINDING_NOTE;
	finding_advise(ret, "the rest takes frame pointers: see below");
}

static bool has_jit_names(const struct doctor_process *process)
{
	return !process->map_err || process->has_dump;
}

static void check_java(const struct doctor_process *process, struct finding *ret)
{
	if (process->has_jit_flag && has_jit_names(process)) {
		finding_set(ret, FINDING_OK, "Java: frame pointers and names are there");
		return;
	}
	finding_set(ret, FINDING_WARN, "Java: %s%s",
		    process->has_jit_flag ? "" : "no frame pointers asked for",
		    has_jit_names(process)  ? ""
		    : process->has_jit_flag ? "no names (perf map)"
					    : ", no names (perf map)");
	if (process->has_jit_flag)
		finding_advise(ret, "type: jcmd %" PRId32 " Compiler.perfmap", process->pid);
	else
		finding_advise(ret,
			       "start it with -XX:+PreserveFramePointer; jcmd %" PRId32
			       " Compiler.perfmap",
			       process->pid);
}

/* Whether a map that is there is not taken. */
static bool check_map(const struct doctor_process *process, struct finding *ret)
{
	if (process->map_err == -EPERM) {
		finding_set(ret, FINDING_WARN, "its perf map belongs to others, or is a link");
		finding_advise(ret, "remove it from /tmp");
		return false;
	}
	if (process->map_err == -ESTALE && !process->has_dump) {
		finding_set(ret, FINDING_WARN, "its perf map is older than the process");
		finding_advise(ret, "remove it from /tmp, and have it written anew");
		return false;
	}
	return true;
}

static void check_runtime(const struct doctor_process *process, struct finding *ret)
{
	static const struct {
		const char *name, *advice;
		enum finding_level level;
	} runtimes[] = {
		[RUNTIME_NODE] = { "Node.js", "start it with node --perf-basic-prof",
				   FINDING_WARN },
		[RUNTIME_PYTHON] = { "Python", "for Python's functions (3.12): python3 -X perf",
				     FINDING_NOTE },
		[RUNTIME_DOTNET] = { ".NET", "start it with DOTNET_PerfMapEnabled=1",
				     FINDING_WARN },
		[RUNTIME_OTHER] = { "a compiler in it", "have it write /tmp/perf-PID.map",
				    FINDING_NOTE },
	};

	if (!check_map(process, ret))
		return;
	if (process->runtime == RUNTIME_JAVA) {
		check_java(process, ret);
		return;
	}
	if (has_jit_names(process)) {
		finding_set(ret, FINDING_OK, "its names are in a %s",
			    process->has_dump ? "jitdump" : "perf map");
		return;
	}
	if (process->runtime != RUNTIME_NONE) {
		finding_set(ret, runtimes[process->runtime].level,
			    "%s: no names (neither perf map nor jitdump)",
			    runtimes[process->runtime].name);
		finding_advise(ret, "%s", runtimes[process->runtime].advice);
		return;
	}
	if (!process->anonymous_bytes) {
		finding_set(ret, FINDING_OK, "none");
		return;
	}
	finding_set(ret, FINDING_NOTE, "%" PRIu64 " KiB without names",
		    process->anonymous_bytes >> KIB);
	finding_advise(ret, "if it is a JIT compiler's, have it write /tmp/perf-PID.map");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *symbols_in_words(const struct doctor_module *module)
{
	if (module->symbols_from != DEBUG_NONE && module->symbols_from != DEBUG_IN_FILE)
		return "symbols in a debug file";
	switch (module->own_symbols) {
	case SYMBOLS_ALL:
		return "symbols";
	case SYMBOLS_EXPORTED:
		return "exported symbols only";
	default:
		return "no symbols";
	}
}

static const char *dwarf_in_words(const struct doctor_module *module)
{
	if (module->dwarf_from == DEBUG_NONE)
		return "no DWARF";
	if (module->lacks_alt)
		return "DWARF without its dwz file";
	return module->dwarf_from == DEBUG_IN_FILE ? "DWARF" : "DWARF in a debug file";
}

static const char *pointers_in_words(const struct doctor_module *module)
{
	if (module->is_go)
		return "frame pointers (Go)";
	switch (frame_pointers_judge(&module->census)) {
	case FRAME_POINTERS_KEPT:
		return "frame pointers";
	case FRAME_POINTERS_OMITTED:
		return "no frame pointers";
	case FRAME_POINTERS_MIXED:
		return "frame pointers in parts";
	default:
		return "frame pointers unknown";
	}
}

static bool has_symbols(const struct doctor_module *module)
{
	return module->own_symbols != SYMBOLS_NONE || module->symbols_from != DEBUG_NONE;
}

static void advise_symbols(const struct doctor_module *module, struct finding *ret)
{
	if (module->package[0])
		finding_advise(ret, "install %s", module->package);
	else if (module->build_id.size)
		finding_advise(ret, "do not strip it, or --debuginfod");
	else
		finding_advise(ret, "build it with -g, do not strip it");
}

static bool has_exported_only(const struct doctor_module *module)
{
	return module->own_symbols != SYMBOLS_ALL && module->symbols_from == DEBUG_NONE;
}

/* The worst first. */
static void judge_module(const struct doctor_module *module, struct finding *ret)
{
	if (!module->has_unwind && !keeps_frame_pointers(module) && !module->is_foreign) {
		ret->level = FINDING_WARN;
		finding_advise(ret, "build it with -fasynchronous-unwind-tables");
	} else if (!has_symbols(module)) {
		ret->level = FINDING_WARN;
		advise_symbols(module, ret);
	} else if (has_exported_only(module)) {
		ret->level = FINDING_NOTE;
		advise_symbols(module, ret);
	} else if (module->dwarf_from == DEBUG_NONE && !module->is_go) {
		ret->level = FINDING_NOTE;
		finding_advise(ret, "for lines and inlined functions: -g");
	} else if (module->lacks_alt) {
		ret->level = FINDING_NOTE;
		finding_advise(ret, "install all of its debug package");
	} else if (module->is_foreign) {
		ret->level = FINDING_NOTE;
		finding_advise(ret, "build it with -fno-omit-frame-pointer");
	}
}

static void check_module(const struct doctor_module *module, struct finding *ret)
{
	const char *name = base_name(module->path);

	if (module->is_late) {
		finding_set(ret, FINDING_NOTE, "%s: not looked at, as others took too long", name);
		finding_advise(ret, "ask again");
		return;
	}
	if (module->err) {
		finding_set(ret, FINDING_WARN, "%s: %s", name, strerror(-module->err));
		finding_advise(ret, module->err == -ENOEXEC ? "this is no program: it has no names"
							    : "run it as root (sudo)");
		return;
	}
	finding_set(ret, FINDING_OK, "%s: %s%s, %s, %s, %s", name,
		    module->is_static ? "static, " : "",
		    module->has_unwind ? ".eh_frame" : "no .eh_frame", symbols_in_words(module),
		    dwarf_in_words(module), pointers_in_words(module));
	judge_module(module, ret);
}

static int check_modules(const struct doctor_process *process, struct findings *findings)
{
	for (size_t i = 0; i < process->module_count; i++) {
		struct finding finding = { 0 };
		int err;

		check_module(&process->modules[i], &finding);
		err = add(findings, "module", &finding);
		if (err < 0)
			return err;
	}
	return 0;
}

static int check_dropped(const struct doctor_process *process, struct findings *findings)
{
	struct finding finding = { 0 };

	if (!process->dropped)
		return 0;
	finding_set(&finding, FINDING_NOTE, "%" PRIu64 " mappings of further ones",
		    process->dropped);
	finding_advise(&finding, "of more than %d nothing is said", DOCTOR_MODULES_MAX);
	return add(findings, "modules", &finding);
}

int doctor_check_process(const struct doctor_process *process, struct findings *findings)
{
	struct finding existence = { 0 }, unwind = { 0 }, runtime = { 0 };
	int err;

	check_existence(process, &existence);
	err = add(findings, "process", &existence);
	if (err < 0 || existence.level != FINDING_OK)
		return err;
	check_unwind(process, &unwind);
	err = add(findings, "unwind tables", &unwind);
	if (err < 0)
		return err;
	check_runtime(process, &runtime);
	err = add(findings, "run-time code", &runtime);
	if (!err)
		err = check_modules(process, findings);
	return err < 0 ? err : check_dropped(process, findings);
}
