/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a target's directories, and what of it goes. The figures are made by reading the names
 * (each file is looked at once) and go on with what is put and dropped; what the reader did shows
 * in the next reading, or when a file that was to be dropped is not there any more: as it takes the
 * oldest first, too, no other is dropped for that.
 *
 * A file's age is the time in its name against now. One that seems to come from the future, as the
 * clock was set back, is the youngest: it stays until all others went, and makes none of them
 * older. What has no time in its name, and is not ours, goes by when it was changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/spool_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* One reading of both directories. */
struct counting {
	struct spool_part *part;
	struct spool_usage usage;
	struct hashmap sizes;
	struct spool_oldest oldest;
	uint64_t oldest_ns; /* of the queue */
	bool is_dead;
};

static void cleanup_counting(struct counting *counting)
{
	hashmap_done(&counting->sizes);
	spool_oldest_done(&counting->oldest);
}

static int directory_of(const struct spool_part *part, bool is_dead)
{
	return is_dead ? part->dead_fd : part->queue_fd;
}

/* The same name can be in both. */
static uint64_t key_of(const struct spool_part *part, const struct spool_entry *entry)
{
	return hash_bytes_seeded(part->seed ^ entry->is_dead, entry->name, strlen(entry->name));
}

static bool is_item(const struct spool_entry *entry)
{
	return !entry->is_dead || !spool_name_is_text(entry->name);
}

static void add_to_usage(struct spool_usage *usage, const struct spool_entry *entry)
{
	usage->files += !entry->is_dead;
	usage->bytes += entry->is_dead ? 0 : entry->size;
	usage->dead_files += entry->is_dead && is_item(entry);
	usage->dead_bytes += entry->is_dead ? entry->size : 0;
}

static void take_from_usage(struct spool_usage *usage, const struct spool_entry *entry)
{
	usage->files -= !entry->is_dead;
	usage->bytes -= entry->is_dead ? 0 : entry->size;
	usage->dead_files -= entry->is_dead && is_item(entry);
	usage->dead_bytes -= entry->is_dead ? entry->size : 0;
}

/* 1: *entry is whole; 0: it is gone, or a directory, which is left alone. */
static int look_at(struct counting *counting, int fd, struct spool_entry *entry)
{
	bool has_time = spool_name_time(entry->name, &entry->time_ns);
	struct stat status;

	if (has_time &&
	    hashmap_get(&counting->part->sizes, key_of(counting->part, entry), &entry->size))
		return 1;
	if (fstatat(fd, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return 0;
	entry->size = (uint64_t)status.st_size;
	if (!has_time)
		entry->time_ns =
			status.st_mtime < 0 ? 0 : (uint64_t)status.st_mtime * NS_PER_SECOND;
	return 1;
}

static int count_name(void *context, int fd, const char *name)
{
	struct counting *counting = context;
	struct spool_entry entry = { .name = (char *)name, .is_dead = counting->is_dead };
	int known = look_at(counting, fd, &entry);
	int err;

	if (known <= 0)
		return known;
	err = hashmap_put(&counting->sizes, key_of(counting->part, &entry), entry.size);
	if (!err)
		err = spool_oldest_offer(&counting->oldest, &entry);
	if (err < 0)
		return err;
	add_to_usage(&counting->usage, &entry);
	if (!entry.is_dead && (!counting->oldest_ns || entry.time_ns < counting->oldest_ns))
		counting->oldest_ns = entry.time_ns;
	return 0;
}

int spool_part_count(struct spool_part *part)
{
	CLEANUP(cleanup_counting) struct counting counting = { .part = part };
	int err = spool_oldest_begin(&counting.oldest);

	counting.usage.dropped_for_bytes = part->usage.dropped_for_bytes;
	counting.usage.dropped_for_age = part->usage.dropped_for_age;
	if (!err)
		err = spool_directory_visit(part->queue_fd, count_name, &counting);
	counting.is_dead = true;
	if (!err)
		err = spool_directory_visit(part->dead_fd, count_name, &counting);
	if (err < 0)
		return err;
	spool_oldest_end(&counting.oldest);
	counting.usage.oldest_unix_s = counting.oldest_ns / NS_PER_SECOND;
	part->usage = counting.usage;
	hashmap_done(&part->sizes);
	spool_oldest_done(&part->oldest);
	part->sizes = counting.sizes;
	part->oldest = counting.oldest;
	counting.sizes = (struct hashmap){ 0 };
	counting.oldest = (struct spool_oldest){ 0 };
	return 0;
}

/* What is told of the queue's oldest, when the oldest of all was taken away. */
static void tell_oldest(struct spool_part *part)
{
	const struct spool_oldest *oldest = &part->oldest;

	if (part->usage.files == 0)
		part->usage.oldest_unix_s = 0;
	for (size_t i = oldest->first; i < oldest->count; i++) {
		if (oldest->entries[i].is_dead)
			continue;
		part->usage.oldest_unix_s = oldest->entries[i].time_ns / NS_PER_SECOND;
		return;
	}
}

int spool_part_added(struct spool_part *part, const char *name, uint64_t size, bool is_again)
{
	struct spool_entry entry = { .size = size, .name = (char *)name };
	int err = hashmap_put(&part->sizes, key_of(part, &entry), size);

	/* Another size under a name that was counted. */
	if (is_again || err < 0)
		return spool_part_count(part);
	(void)spool_name_time(name, &entry.time_ns);
	add_to_usage(&part->usage, &entry);
	err = spool_oldest_add(&part->oldest, &entry);
	tell_oldest(part);
	return err;
}

/* Makes sure that the oldest one is known, if there is one. */
static int look_for_oldest(struct spool_part *part)
{
	return spool_oldest_first(&part->oldest) ? 0 : spool_part_count(part);
}

/* The oldest, which is known. 1: it went, 0: it was gone, or -errno. */
static int drop_first(struct spool_part *part)
{
	const struct spool_entry *entry = spool_oldest_first(&part->oldest);
	int is_gone = unlinkat(directory_of(part, entry->is_dead), entry->name, 0) < 0;

	if (is_gone && errno != ENOENT)
		return -errno;
	take_from_usage(&part->usage, entry);
	is_gone |= !is_item(entry);
	spool_oldest_pop(&part->oldest);
	tell_oldest(part);
	return !is_gone;
}

/* An item and, if it is dead, the text beside it. 1, 0 or -errno as above. */
static int drop_oldest(struct spool_part *part)
{
	char text[SPOOL_NAME_MAX + 1 + sizeof(SPOOL_TEXT_ENDING)] = "";
	const struct spool_entry *entry = spool_oldest_first(&part->oldest);
	int dropped, err;

	if (entry->is_dead)
		(void)snprintf(text, sizeof(text), "%s" SPOOL_TEXT_ENDING, entry->name);
	dropped = drop_first(part);
	if (dropped < 0)
		return dropped;
	entry = spool_oldest_first(&part->oldest);
	if (!entry || !entry->is_dead || strcmp(entry->name, text) != 0)
		return dropped;
	err = drop_first(part);
	return err < 0 ? err : dropped;
}

int spool_part_make_room(struct spool_part *part, uint64_t limit, uint64_t size)
{
	if (size > limit)
		return -EFBIG;
	while (part->usage.bytes + part->usage.dead_bytes > limit - size) {
		int dropped = look_for_oldest(part);

		if (dropped < 0)
			return dropped;
		/* Reading the directories may have told that there is room, or nothing at all. */
		if (!spool_oldest_first(&part->oldest))
			break;
		dropped = drop_oldest(part);
		if (dropped < 0)
			return dropped;
		part->usage.dropped_for_bytes += (uint64_t)dropped;
	}
	return 0;
}

int spool_part_age_out(struct spool_part *part, uint64_t before_ns)
{
	for (;;) {
		const struct spool_entry *entry = spool_oldest_first(&part->oldest);
		int dropped;

		if (!entry && part->oldest.is_all)
			return 0;
		if (entry && entry->time_ns >= before_ns)
			return 0;
		dropped = entry ? drop_oldest(part) : spool_part_count(part);
		if (dropped < 0)
			return dropped;
		part->usage.dropped_for_age += (uint64_t)dropped;
	}
}

int spool_part_drop_oldest(struct spool_part *part, uint64_t *freed)
{
	const struct spool_entry *entry;
	struct stat status;
	bool is_known;
	int dropped = look_for_oldest(part);

	entry = spool_oldest_first(&part->oldest);
	if (dropped < 0 || !entry)
		return dropped;
	is_known = fstatat(directory_of(part, entry->is_dead), entry->name, &status,
			   AT_SYMLINK_NOFOLLOW) == 0;
	dropped = drop_oldest(part);
	if (dropped < 0)
		return dropped;
	part->usage.dropped_for_bytes += (uint64_t)dropped;
	if (is_known && status.st_nlink == 1)
		*freed += (uint64_t)status.st_size;
	return 1;
}

void spool_part_done(struct spool_part *part)
{
	cleanup_fd(&part->queue_fd);
	cleanup_fd(&part->dead_fd);
	hashmap_done(&part->sizes);
	spool_oldest_done(&part->oldest);
	*part = (struct spool_part){ .queue_fd = -1, .dead_fd = -1 };
}

int spool_part_open(int queues_fd, int deads_fd, const char *id, struct spool_part *ret)
{
	CLEANUP(spool_part_done)
	struct spool_part part = { .queue_fd = -1, .dead_fd = -1, .seed = hash_seed() };
	int err = spool_directory_open(queues_fd, id, true, &part.queue_fd);

	(void)snprintf(part.id, sizeof(part.id), "%s", id);
	if (!err)
		err = spool_directory_open(deads_fd, id, true, &part.dead_fd);
	if (!err)
		err = spool_part_count(&part);
	if (err < 0)
		return err;
	*ret = part;
	part = (struct spool_part){ .queue_fd = -1, .dead_fd = -1 };
	return 0;
}
