/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/uploader_fakes.h"

#include <errno.h>
#include <time.h>

#include "agent/upload_send.h"

struct spool_reader {
	char dir[FAKE_PATH_SIZE], queue[FAKE_PATH_SIZE], dead[FAKE_PATH_SIZE];
};

struct upload_sender {
	const struct upload_config *config;
};

/* A FNV hash of all of it. */
void spool_target_id(const char *url, char ret[SPOOL_TARGET_ID_SIZE])
{
	unsigned long long hash = 14695981039346656037ULL;

	for (; *url; url++)
		hash = (hash ^ (unsigned char)*url) * 1099511628211ULL;
	(void)snprintf(ret, SPOOL_TARGET_ID_SIZE, "%016llx", hash);
}

int spool_reader_open(const char *dir, const char *target_id, struct spool_reader **ret)
{
	struct spool_reader *reader = calloc(1, sizeof(*reader));

	fake_must(reader);
	(void)snprintf(reader->dir, FAKE_PATH_SIZE, "%s", dir);
	(void)snprintf(reader->queue, FAKE_PATH_SIZE, "%s/queue/%s", dir, target_id);
	(void)snprintf(reader->dead, FAKE_PATH_SIZE, "%s/dead/%s", dir, target_id);
	*ret = reader;
	return 0;
}

void spool_reader_close(struct spool_reader *reader)
{
	free(reader);
}

/* The file's name is its target's directory, for the sender. */
int spool_take(struct spool_reader *reader, struct spool_item **ret)
{
	struct spool_item *item = calloc(1, sizeof(*item));
	char path[2 * FAKE_PATH_SIZE];
	struct dirent **entries;
	int n = scandir(reader->queue, &entries, NULL, alphasort), found = 0;

	fake_must(item);
	for (int i = 0; i < n; i++) {
		if (!found && entries[i]->d_name[0] != '.') {
			found = 1;
			(void)snprintf(item->name, sizeof(item->name), "%s", entries[i]->d_name);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (!found) {
		free(item);
		return n < 0 && errno != ENOENT ? -errno : 0;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", reader->queue, item->name);
	item->fd = open(path, O_RDONLY | O_CLOEXEC);
	fake_must(item->fd >= 0);
	item->size = strlen("profile");
	item->file.service = strdup(reader->dir);
	*ret = item;
	return 1;
}

void spool_item_free(struct spool_item *item)
{
	if (!item)
		return;
	(void)close(item->fd);
	free((char *)item->file.service);
	free(item);
}

int spool_done(struct spool_reader *reader, const struct spool_item *item)
{
	char path[2 * FAKE_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", reader->queue, item->name);
	return unlink(path) < 0 ? -errno : 0;
}

int spool_park(struct spool_reader *reader, const struct spool_item *item, const char *text)
{
	char from[2 * FAKE_PATH_SIZE], to[2 * FAKE_PATH_SIZE], why[2 * FAKE_PATH_SIZE + 8];

	(void)snprintf(from, sizeof(from), "%s/%s", reader->queue, item->name);
	(void)snprintf(to, sizeof(to), "%s/%s", reader->dead, item->name);
	(void)snprintf(why, sizeof(why), "%s.txt", to);
	if (rename(from, to) < 0)
		return -errno;
	fake_write(why, text);
	return 0;
}

int upload_sender_new(const struct upload_config *config, struct upload_sender **ret)
{
	struct upload_sender *sender = calloc(1, sizeof(*sender));

	fake_must(sender);
	sender->config = config;
	*ret = sender;
	return 0;
}

void upload_sender_free(struct upload_sender *sender)
{
	free(sender);
}

/* Takes the first line of a script; false: there is none left. */
static bool take_line(const char *path, char *ret, size_t size)
{
	char rest[FAKE_PATH_SIZE];
	FILE *file = fopen(path, "re");
	bool is_there = file && fgets(ret, (int)size, file);
	size_t n = is_there ? fread(rest, 1, sizeof(rest) - 1, file) : 0;

	if (file)
		(void)fclose(file);
	rest[n] = '\0';
	if (is_there) {
		ret[strcspn(ret, "\n")] = '\0';
		fake_write(path, rest);
	}
	return is_there;
}

static void tell(const struct upload_sender *sender, const struct spool_item *item,
		 const char *outcome)
{
	char path[FAKE_PATH_SIZE], line[2 * FAKE_EVENT_SIZE + SPOOL_NAME_MAX];
	int fd, n;

	(void)snprintf(path, sizeof(path), "%s/events", item->file.service);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	fake_must(fd >= 0);
	n = snprintf(line, sizeof(line), "%s %s %s\n", sender->config->name, item->name, outcome);
	fake_must(write(fd, line, (size_t)n) == n);
	(void)close(fd);
}

void upload_send(struct upload_sender *sender, const struct spool_item *item,
		 const _Atomic bool *stop, struct upload_result *ret)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	char path[FAKE_PATH_SIZE], line[FAKE_EVENT_SIZE] = "sent";
	unsigned long long seconds;
	int text = 0;

	(void)snprintf(path, sizeof(path), "%s/script-%s", item->file.service,
		       sender->config->name);
	(void)take_line(path, line, sizeof(line));
	*ret = (struct upload_result){ .outcome = UPLOAD_SENT, .status = 200 };
	tell(sender, item, line);
	if (sscanf(line, "later %llu %n", &seconds, &text) == 1) {
		ret->outcome = UPLOAD_LATER;
		ret->status = 503;
		ret->retry_after_s = seconds;
		(void)snprintf(ret->text, sizeof(ret->text), "%s", line + text);
	} else if (strcmp(line, "long") == 0) {
		ret->outcome = UPLOAD_LATER;
		for (size_t n = 0; n + 3 < sizeof(ret->text); n += 2)
			memcpy(ret->text + n, "\xc3\xa9", 3);
	} else if (strncmp(line, "refused ", 8) == 0) {
		ret->outcome = UPLOAD_REFUSED;
		ret->status = 403;
		(void)snprintf(ret->text, sizeof(ret->text), "%s", line + 8);
	} else if (strcmp(line, "hang") == 0 || strcmp(line, "deaf") == 0) {
		ret->outcome = UPLOAD_LATER;
		while (line[0] == 'd' || !*stop)
			(void)nanosleep(&moment, NULL);
	}
}
