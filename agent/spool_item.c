/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and items. A name is
 *
 *	FROM-LENGTH-SERVICE-HOST-KIND-HASH.ENDING
 *
 * FROM is the time in nanoseconds with 20 digits, so that names are in the order of time, and
 * LENGTH is until_ns - from_ns with 16 hexadecimal digits. Bytes of service and host that are not
 * plain are %XX, so that no two texts are alike, and cut; HASH is of all of them, uncut.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/spool_parts.h"
#include "base/cleanup.h"

#define TIME_DIGITS       20
#define SERVICE_BYTES_MAX 96
#define HOST_BYTES_MAX    64

/* Callers see the first member, and nothing else. */
struct stored_item {
	struct spool_item item;
	struct spool_head head;
};

_Static_assert(TIME_DIGITS + 1 + 16 + 1 + SERVICE_BYTES_MAX + 1 + HOST_BYTES_MAX + 1 +
			       sizeof("off-cpu") + 16 + sizeof(".folded") <=
		       SPOOL_ITEM_NAME_MAX,
	       "a name with all of its parts fits");

void spool_target_id(const char *url, char ret[SPOOL_TARGET_ID_SIZE])
{
	const char *scheme_end = strstr(url, "://");
	const char *authority = scheme_end ? scheme_end + strlen("://") : url;
	size_t length = strcspn(authority, "/?#");
	/* A password may have '@' where it is not escaped: the last one counts. */
	const char *at = memrchr(authority, '@', length);
	const char *rest = scheme_end && at ? at + 1 : authority;
	uint64_t hash = hash_bytes(url, (size_t)(authority - url));

	/* Directories are found again by it: another hash would lose what older eprofs left. */
	hash = hash_bytes_seeded(hash, rest, strlen(rest));
	(void)snprintf(ret, SPOOL_TARGET_ID_SIZE, "%016" PRIx64, hash);
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       strchr(".@:_-", c);
}

/* Returns the end of what it wrote, at most size bytes and a NUL. */
static char *put_plain(char *to, const char *text, size_t size)
{
	const char *end = to + size;

	for (; *text; text++) {
		size_t needed = is_plain(*text) ? 1 : strlen("%XX");

		if (needed > (size_t)(end - to))
			break;
		if (needed == 1)
			*to++ = *text;
		else
			to += snprintf(to, sizeof("%XX"), "%%%02X", (unsigned char)*text);
	}
	*to = '\0';
	return to;
}

/* With its NUL, so that no two of them run into each other. */
static uint64_t add_to_hash(uint64_t hash, const char *text)
{
	return hash_bytes_seeded(hash, text, strlen(text) + 1);
}

int spool_name_make(const struct profile_file *file, char ret[SPOOL_NAME_MAX + 1])
{
	char service[SERVICE_BYTES_MAX + 1], host[HOST_BYTES_MAX + 1];
	uint64_t hash = add_to_hash(0, file->service);
	int length;

	hash = add_to_hash(hash, file->host);
	(void)put_plain(service, file->service, SERVICE_BYTES_MAX);
	(void)put_plain(host, file->host, HOST_BYTES_MAX);
	length = snprintf(ret, SPOOL_NAME_MAX + 1,
			  "%0*" PRIu64 "-%016" PRIx64 "-%s-%s-%s-%016" PRIx64 "%s", TIME_DIGITS,
			  file->from_ns, file->until_ns - file->from_ns, service, host,
			  profile_kind_name(file->kind), hash, profile_format_ending(file->format));
	return length > (int)SPOOL_ITEM_NAME_MAX ? -ENAMETOOLONG : 0;
}

bool spool_name_time(const char *name, uint64_t *ret_ns)
{
	char digits[TIME_DIGITS + 1] = "";

	if (strspn(name, "0123456789") != TIME_DIGITS || name[TIME_DIGITS] != '-')
		return false;
	memcpy(digits, name, TIME_DIGITS);
	errno = 0;
	*ret_ns = strtoull(digits, NULL, 10);
	return errno == 0;
}

bool spool_name_is_text(const char *name)
{
	size_t length = strlen(name), ending = strlen(SPOOL_TEXT_ENDING);

	return length > ending && strcmp(name + length - ending, SPOOL_TEXT_ENDING) == 0;
}

static int bad(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EBADMSG;
}

/* Nothing that the item is to blame for; EACCES: we run as another user than the writer. */
static bool is_passing(int error)
{
	return error == ENOENT || error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == EINTR || error == EACCES;
}

/* As spool_item_open(). */
static int check_file(int queue_fd, const struct stat *status, const char **ret_reason)
{
	if (S_ISDIR(status->st_mode))
		return -EISDIR;
	if (!S_ISREG(status->st_mode))
		return bad(ret_reason, "it is not a regular file");
	if (!spool_is_ours(queue_fd, status))
		return bad(ret_reason, "it is somebody else's, or everybody may write to it");
	return 0;
}

static int open_file(int queue_fd, const char *name, int *ret_fd, uint64_t *ret_size,
		     const char **ret_reason)
{
	CLEANUP(cleanup_fd) int fd = -1;
	struct stat status;
	int err;

	/* Devices do things when they are opened. */
	if (fstatat(queue_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	err = check_file(queue_fd, &status, ret_reason);
	if (err < 0)
		return err;
	fd = openat(queue_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && is_passing(errno))
		return -errno;
	if (fd < 0)
		return bad(ret_reason, "it cannot be opened");
	if (fstat(fd, &status) < 0)
		return -errno;
	/* It may be another one by now. */
	err = check_file(queue_fd, &status, ret_reason);
	if (err < 0)
		return err;
	*ret_size = (uint64_t)status.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* So much of the beginning as a head may be long; the number of bytes, or -errno. */
static ssize_t read_beginning(int fd, char *bytes)
{
	size_t done = 0;

	while (done < SPOOL_HEAD_MAX) {
		ssize_t n = pread(fd, bytes + done, SPOOL_HEAD_MAX - done, (off_t)done);

		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)done;
}

/* Its offset and size, too. */
static int read_head(struct stored_item *stored, uint64_t file_size, const char **ret_reason)
{
	CLEANUP(cleanup_free) char *bytes = malloc(SPOOL_HEAD_MAX);
	struct spool_item *item = &stored->item;
	ssize_t size = bytes ? read_beginning(item->fd, bytes) : -ENOMEM;
	const char *end = size > 0 ? memchr(bytes, '\n', (size_t)size) : NULL;
	int err;

	if (size == -ENOMEM)
		return -ENOMEM;
	if (size < 0)
		return bad(ret_reason, "it cannot be read");
	if (!end)
		return bad(ret_reason, "it does not begin with a line of JSON");
	err = spool_head_parse(bytes, (size_t)(end - bytes), &stored->head, ret_reason);
	if (err < 0)
		return err;
	item->file = stored->head.file;
	item->offset = (uint64_t)(end + 1 - bytes);
	item->size = stored->head.size;
	if (item->offset > file_size || file_size - item->offset != item->size)
		return bad(ret_reason, "it is not as long as its head says");
	return 0;
}

static void cleanup_item(struct spool_item **item)
{
	spool_item_free(*item);
}

int spool_item_open(int queue_fd, const char *name, struct spool_item **ret,
		    const char **ret_reason)
{
	struct stored_item *stored = calloc(1, sizeof(*stored));
	CLEANUP(cleanup_item) struct spool_item *item = stored ? &stored->item : NULL;
	uint64_t file_size = 0;
	int err;

	if (!item)
		return -ENOMEM;
	item->fd = -1;
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	err = open_file(queue_fd, name, &item->fd, &file_size, ret_reason);
	if (!err)
		err = read_head(stored, file_size, ret_reason);
	if (err < 0)
		return err;
	*ret = TAKE(item);
	return 0;
}

void spool_item_free(struct spool_item *item)
{
	struct stored_item *stored = (struct stored_item *)item;

	if (!item)
		return;
	cleanup_fd(&item->fd);
	spool_head_done(&stored->head);
	free(stored);
}
