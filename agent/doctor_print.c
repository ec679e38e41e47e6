/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/doctor.h"
#include "base/cleanup.h"
#include "flamegraph/utf8.h"

#define SUBJECT_WIDTH (FINDING_SUBJECT_SIZE - 2)
#define PATH_TEXT_MAX 8192

static const char *const level_names[FINDING_LEVELS] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "fail",
};

static bool is_control(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0);
}

/*
 * Names of files may hold anything, such as what a terminal takes for commands: '?' stands for
 * controls and for what is no UTF-8. ret has room for size bytes.
 */
static void clean(const char *text, char *ret, size_t size)
{
	size_t length = strlen(text), written = 0;

	for (size_t at = 0, step; at < length; at += step) {
		uint32_t rune = 0;
		size_t valid = utf8_decode(text + at, length - at, &rune);
		bool is_shown = valid && !is_control(rune) && (rune < 0xd800 || rune > 0xdfff);

		step = valid ? valid : 1;
		if (written + step >= size)
			break;
		if (is_shown)
			memcpy(ret + written, text + at, step);
		else
			ret[written] = '?';
		written += is_shown ? step : 1;
	}
	ret[written] = '\0';
}

int doctor_print(FILE *out, const struct findings *findings)
{
	char text[2 * FINDING_TEXT_SIZE + 2];

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		clean(finding->found, text, FINDING_TEXT_SIZE);
		(void)fprintf(out, "%-4s  %-*s  %s", level_names[finding->level], SUBJECT_WIDTH,
			      finding->subject, text);
		clean(finding->advice, text, FINDING_TEXT_SIZE);
		(void)fprintf(out, "%s%s\n", finding->advice[0] ? "; " : "", text);
	}
	return ferror(out) ? -EIO : 0;
}

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

static bool add_text(cJSON *object, const char *name, const char *text)
{
	char cleaned[PATH_TEXT_MAX];

	clean(text, cleaned, sizeof(cleaned));
	return cJSON_AddStringToObject(object, name, cleaned);
}

/* Appends an object; NULL without memory. */
static cJSON *append_object(cJSON *array)
{
	cJSON *object = cJSON_CreateObject();

	if (!object || cJSON_AddItemToArray(array, object))
		return object;
	cJSON_Delete(object);
	return NULL;
}

static bool add_finding(cJSON *array, const struct finding *finding)
{
	cJSON *object = append_object(array);

	return object && add_text(object, "level", level_names[finding->level]) &&
	       add_text(object, "subject", finding->subject) &&
	       add_text(object, "found", finding->found) &&
	       add_text(object, "advice", finding->advice);
}

static void build_id_text(const struct build_id *id, char ret[2 * BUILD_ID_SIZE_MAX + 1])
{
	ret[0] = '\0';
	for (size_t i = 0; i < id->size; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", id->bytes[i]);
}

static const char *symbols_name(enum module_symbols symbols)
{
	static const char *const names[] = {
		[SYMBOLS_NONE] = "none",
		[SYMBOLS_EXPORTED] = "exported",
		[SYMBOLS_ALL] = "all",
	};

	return names[symbols];
}

static const char *pointers_name(const struct doctor_module *module)
{
	static const char *const names[] = {
		[FRAME_POINTERS_UNKNOWN] = "unknown",
		[FRAME_POINTERS_KEPT] = "kept",
		[FRAME_POINTERS_MIXED] = "mixed",
		[FRAME_POINTERS_OMITTED] = "omitted",
	};

	return names[module->is_go ? FRAME_POINTERS_KEPT : frame_pointers_judge(&module->census)];
}

static bool add_module(cJSON *array, const struct doctor_module *module)
{
	char id[2 * BUILD_ID_SIZE_MAX + 1];
	cJSON *object = append_object(array);

	build_id_text(&module->build_id, id);
	return object && add_text(object, "path", module->path) &&
	       cJSON_AddNumberToObject(object, "text_bytes", (double)module->text_bytes) &&
	       add_text(object, "error",
			module->is_late ? "not looked at"
			: module->err   ? strerror(-module->err)
					: "") &&
	       add_text(object, "build_id", id) &&
	       cJSON_AddBoolToObject(object, "has_unwind_table", module->has_unwind) &&
	       cJSON_AddBoolToObject(object, "is_static", module->is_static) &&
	       cJSON_AddBoolToObject(object, "is_go", module->is_go) &&
	       add_text(object, "own_symbols", symbols_name(module->own_symbols)) &&
	       add_text(object, "symbols_from", debug_source_name(module->symbols_from)) &&
	       add_text(object, "dwarf_from", debug_source_name(module->dwarf_from)) &&
	       add_text(object, "frame_pointers", pointers_name(module)) &&
	       cJSON_AddNumberToObject(object, "functions_with_frame_pointer",
				       module->census.kept) &&
	       cJSON_AddNumberToObject(object, "functions_without_frame_pointer",
				       module->census.omitted) &&
	       add_text(object, "package", module->package);
}

static bool add_process(cJSON *root, const struct doctor_process *process)
{
	cJSON *object, *modules;

	if (!process)
		return true;
	object = cJSON_AddObjectToObject(root, "process");
	if (!object || !cJSON_AddNumberToObject(object, "pid", process->pid) ||
	    !add_text(object, "name", process->name) ||
	    !cJSON_AddNumberToObject(object, "anonymous_bytes", (double)process->anonymous_bytes))
		return false;
	modules = cJSON_AddArrayToObject(object, "modules");
	for (size_t i = 0; modules && i < process->module_count; i++) {
		if (!add_module(modules, &process->modules[i]))
			return false;
	}
	return modules;
}

int doctor_print_json(FILE *out, const struct findings *findings,
		      const struct doctor_process *process, int exit_code)
{
	CLEANUP(cleanup_json) cJSON *root = cJSON_CreateObject();
	CLEANUP(cleanup_free) char *text = NULL;
	cJSON *list;

	if (!root || !add_text(root, "worst", level_names[findings_worst(findings)]) ||
	    !cJSON_AddNumberToObject(root, "exit_code", exit_code))
		return -ENOMEM;
	list = cJSON_AddArrayToObject(root, "findings");
	for (size_t i = 0; list && i < findings->count; i++) {
		if (!add_finding(list, &findings->list[i]))
			return -ENOMEM;
	}
	if (!list || !add_process(root, process))
		return -ENOMEM;
	text = cJSON_Print(root);
	if (!text)
		return -ENOMEM;
	(void)fprintf(out, "%s\n", text);
	return ferror(out) ? -EIO : 0;
}
