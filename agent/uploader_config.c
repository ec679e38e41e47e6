/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* Beyond it a double skips whole numbers. */
#define NUMBER_MAX (UINT64_C(1) << 53)

struct text_key {
	const char *name;
	size_t offset; /* of a char * in struct upload_config */
	bool is_needed;
};

static const struct text_key text_keys[] = {
	{ "name", offsetof(struct upload_config, name), true },
	{ "url", offsetof(struct upload_config, url), true },
	{ "key", offsetof(struct upload_config, key), false },
	{ "endpoint", offsetof(struct upload_config, endpoint), false },
	{ "region", offsetof(struct upload_config, region), false },
	{ "credentials_file", offsetof(struct upload_config, credentials_file), false },
	{ "ca_file", offsetof(struct upload_config, ca_file), false },
	{ "client_cert", offsetof(struct upload_config, client_cert), false },
	{ "client_key", offsetof(struct upload_config, client_key), false },
	{ "user_file", offsetof(struct upload_config, user_file), false },
	{ "token_file", offsetof(struct upload_config, token_file), false },
	{ "tenant", offsetof(struct upload_config, tenant), false },
};

#define TEXT_KEYS (sizeof(text_keys) / sizeof(text_keys[0]))

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

static char **text_of(struct upload_config *target, const struct text_key *key)
{
	return (char **)((char *)target + key->offset);
}

static const char *said_text(const struct upload_config *target, const struct text_key *key)
{
	return *(char *const *)((const char *)target + key->offset);
}

static bool put_target(cJSON *targets, const struct upload_config *target)
{
	cJSON *json = cJSON_CreateObject(), *formats;
	bool is_fine = cJSON_AddItemToArray(targets, json);

	for (size_t i = 0; is_fine && i < TEXT_KEYS; i++) {
		const char *text = said_text(target, &text_keys[i]);

		is_fine = !text || cJSON_AddStringToObject(json, text_keys[i].name, text);
	}
	is_fine = is_fine && cJSON_AddNumberToObject(json, "style", target->style) &&
		  cJSON_AddNumberToObject(json, "timeout_s", (double)target->timeout_s);
	formats = is_fine ? cJSON_AddArrayToObject(json, "formats") : NULL;
	for (size_t i = 0; formats && i < PROFILE_FORMAT_COUNT; i++)
		is_fine = is_fine &&
			  cJSON_AddItemToArray(formats, cJSON_CreateBool(target->formats[i]));
	return is_fine && formats;
}

static cJSON *json_of(const struct agent_config *config)
{
	CLEANUP(cleanup_json) cJSON *json = cJSON_CreateObject();
	cJSON *targets;

	if (!json ||
	    (config->spool_dir && !cJSON_AddStringToObject(json, "spool_dir", config->spool_dir)))
		return NULL;
	if (!cJSON_AddNumberToObject(json, "log_level", config->log_level))
		return NULL;
	targets = cJSON_AddArrayToObject(json, "targets");
	for (size_t i = 0; targets && i < config->target_count; i++) {
		if (!put_target(targets, &config->targets[i]))
			return NULL;
	}
	return targets ? TAKE(json) : NULL;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int uploader_config_seal(const struct agent_config *config, int *ret_fd)
{
	CLEANUP(cleanup_json) cJSON *json = json_of(config);
	CLEANUP(cleanup_free) char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	CLEANUP(cleanup_fd) int fd = -1;
	int err;

	if (!text)
		return -ENOMEM;
	if (strlen(text) > UPLOADER_CONFIG_SIZE_MAX)
		return -E2BIG;
	fd = memfd_create("uploader-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (err < 0)
		return err;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The file's position is shared with who made it, and with those that read it before. */
static int read_all(int fd, char **ret, size_t *ret_size)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct stat st;
	size_t done = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > UPLOADER_CONFIG_SIZE_MAX)
		return -EPROTO;
	text = malloc((size_t)st.st_size);
	if (!text)
		return -ENOMEM;
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + done, (size_t)st.st_size - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EPROTO;
		done += n > 0 ? (size_t)n : 0;
	}
	*ret = TAKE(text);
	*ret_size = done;
	return 0;
}

/* -EPROTO: there is none although it is needed, or it is no text. */
static int take_text(const cJSON *json, const char *name, bool is_needed, char **ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!item)
		return is_needed ? -EPROTO : 0;
	if (!cJSON_IsString(item))
		return -EPROTO;
	*ret = strdup(item->valuestring);
	return *ret ? 0 : -ENOMEM;
}

static int take_number(const cJSON *json, const char *name, uint64_t max, uint64_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > (double)max)
		return -EPROTO;
	*ret = (uint64_t)item->valuedouble;
	return 0;
}

static int take_target(const cJSON *json, struct upload_config *target)
{
	const cJSON *formats = cJSON_GetObjectItemCaseSensitive(json, "formats");
	uint64_t style;
	int err = 0;

	for (size_t i = 0; !err && i < TEXT_KEYS; i++)
		err = take_text(json, text_keys[i].name, text_keys[i].is_needed,
				text_of(target, &text_keys[i]));
	if (!err)
		err = take_number(json, "style", S3_VIRTUAL_HOST, &style);
	if (!err)
		err = take_number(json, "timeout_s", NUMBER_MAX, &target->timeout_s);
	if (err)
		return err;
	target->style = (enum s3_style)style;
	if (cJSON_GetArraySize(formats) != PROFILE_FORMAT_COUNT)
		return -EPROTO;
	for (int i = 0; i < PROFILE_FORMAT_COUNT; i++)
		target->formats[i] = cJSON_IsTrue(cJSON_GetArrayItem(formats, i));
	return 0;
}

static int take_config(const cJSON *json, struct uploader_config *config)
{
	const cJSON *targets = cJSON_GetObjectItemCaseSensitive(json, "targets"), *target;
	uint64_t level;
	int err = take_text(json, "spool_dir", true, &config->spool_dir);

	if (!err)
		err = take_number(json, "log_level", LOG_LEVEL_DEBUG, &level);
	if (err)
		return err;
	config->log_level = (enum log_level)level;
	if (!cJSON_IsArray(targets) || cJSON_GetArraySize(targets) > AGENT_TARGETS_MAX)
		return -EPROTO;
	cJSON_ArrayForEach(target, targets)
	{
		/* Counted before, so that what it has of it is freed. */
		err = take_target(target, &config->targets[config->target_count++]);
		if (err)
			return err;
	}
	return 0;
}

static void cleanup_config(struct uploader_config **config)
{
	uploader_config_free(*config);
}

int uploader_config_read(int fd, struct uploader_config **ret)
{
	CLEANUP(cleanup_config) struct uploader_config *config = calloc(1, sizeof(*config));
	CLEANUP(cleanup_json) cJSON *json = NULL;
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size = 0;
	int err;

	if (!config)
		return -ENOMEM;
	err = read_all(fd, &text, &size);
	if (err < 0)
		return err;
	json = cJSON_ParseWithLength(text, size);
	if (!json)
		return -EPROTO;
	err = take_config(json, config);
	if (err < 0)
		return err;
	*ret = TAKE(config);
	return 0;
}

void uploader_config_free(struct uploader_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->target_count; i++) {
		for (size_t k = 0; k < TEXT_KEYS; k++)
			free(*text_of(&config->targets[i], &text_keys[k]));
	}
	free(config->spool_dir);
	free(config);
}
