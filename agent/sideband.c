/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sideband.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/log.h"
#include "agent/perf_event.h"
#include "agent/ring.h"
#include "base/cleanup.h"

/* One exec of a small program is 656 bytes of records: room for 400 between two reads. */
#define RING_SIZE (256u << 10)

/*
 * Every record ends in these (sample_id_all with TID and TIME): who caused it and when.
 */
struct record_tail {
	uint32_t pid, tid;
	uint64_t time_ns;
};

/* Where a taken record lies in bytes. */
struct record_ref {
	uint64_t time_ns;
	uint64_t order; /* of arrival, to keep the sort stable */
	size_t offset;
};

struct sideband {
	struct ring *rings; /* one a CPU, and their bells */
	struct ring *bells;
	size_t ring_count;
	/* Taken from the rings, not handed out yet. */
	char *bytes;
	size_t size, capacity;
	struct record_ref *refs;
	size_t ref_count, ref_capacity;
	uint64_t order;
	uint64_t lost;
};

static int open_ring(const struct perf_event_attr *attr, int cpu, size_t size, struct ring *ret)
{
	CLEANUP(cleanup_fd) int fd = perf_event_open_cpu(attr, cpu);
	int err;

	if (fd < 0)
		return fd;
	err = ring_open(fd, size, ret);
	if (err < 0)
		return err;
	(void)TAKE_FD(fd);
	return 0;
}

/*
 * Being told of a record at once lets a file be opened while the process that mapped it still
 * lives. But it costs whoever maps an interrupt (20 us on a virtual machine), several times at each
 * exec: so there is a second event for it, a bell, which can be stopped while rings are looked at
 * anyway (PERF_EVENT_IOC_PAUSE_OUTPUT). What it writes is not read; full, it would be silent, too.
 */
static int open_rings(int cpu, struct ring *ret_ring, struct ring *ret_bell)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.ksymbol = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	int err = open_ring(&attr, cpu, (size_t)sysconf(_SC_PAGESIZE), ret_bell);

	if (err < 0)
		return err;
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	attr.sample_id_all = 1;
	attr.build_id = 1;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	attr.wakeup_watermark = RING_SIZE / 2;
	err = open_ring(&attr, cpu, RING_SIZE, ret_ring);
	if (err < 0)
		ring_close(ret_bell);
	return err;
}

static void cleanup_sideband(struct sideband **sideband)
{
	sideband_free(*sideband);
}

int sideband_new(const struct cpus *cpus, struct sideband **ret)
{
	CLEANUP(cleanup_sideband) struct sideband *sideband = calloc(1, sizeof(*sideband));

	if (!sideband)
		return -ENOMEM;
	sideband->rings = calloc(cpus->count, sizeof(*sideband->rings));
	sideband->bells = calloc(cpus->count, sizeof(*sideband->bells));
	if (!sideband->rings || !sideband->bells)
		return -ENOMEM;
	for (size_t i = 0; i < cpus->count; i++) {
		int err = open_rings(cpus->ids[i], &sideband->rings[sideband->ring_count],
				     &sideband->bells[sideband->ring_count]);

		/* It has gone offline meanwhile: nothing runs there. */
		if (err == -ENODEV)
			continue;
		if (err < 0) {
			log_error("cannot watch processes on CPU %d: %s%s", cpus->ids[i],
				  strerror(-err), limits_advice(err));
			return err;
		}
		sideband->ring_count++;
	}
	*ret = TAKE(sideband);
	return 0;
}

void sideband_free(struct sideband *sideband)
{
	if (!sideband)
		return;
	for (size_t i = 0; i < sideband->ring_count; i++) {
		ring_close(&sideband->rings[i]);
		ring_close(&sideband->bells[i]);
	}
	free(sideband->rings);
	free(sideband->bells);
	free(sideband->bytes);
	free(sideband->refs);
	free(sideband);
}

static int watch(const struct ring *ring, int epoll_fd, uint64_t data)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = data | (uint64_t)(uint32_t)ring->fd << 32,
	};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) < 0 ? -errno : 0;
}

int sideband_watch(const struct sideband *sideband, int epoll_fd, uint64_t data)
{
	for (size_t i = 0; i < sideband->ring_count; i++) {
		int err = watch(&sideband->rings[i], epoll_fd, data);

		if (!err)
			err = watch(&sideband->bells[i], epoll_fd, data);
		if (err < 0)
			return err;
	}
	return 0;
}

void sideband_set_bells(struct sideband *sideband, bool are_on)
{
	for (size_t i = 0; i < sideband->ring_count; i++) {
		/* Where it cannot be paused it goes on, at its price. */
		(void)ioctl(sideband->bells[i].fd, PERF_EVENT_IOC_PAUSE_OUTPUT, !are_on);
	}
}

static int add_ref(struct sideband *sideband, uint64_t time_ns, size_t offset)
{
	if (sideband->ref_count == sideband->ref_capacity) {
		size_t capacity = sideband->ref_capacity ? 2 * sideband->ref_capacity : 256;
		struct record_ref *refs =
			realloc(sideband->refs, capacity * sizeof(*sideband->refs));

		if (!refs)
			return -ENOMEM;
		sideband->refs = refs;
		sideband->ref_capacity = capacity;
	}
	sideband->refs[sideband->ref_count++] =
		(struct record_ref){ time_ns, sideband->order++, offset };
	return 0;
}

struct ksymbol_body {
	uint64_t address;
	uint32_t length;
	uint16_t type, flags;
	/* char name[] follows, as a path does */
};
_Static_assert(sizeof(struct ksymbol_body) == 16, "as the kernel writes it");

/*
 * Where the tail of a record is. Of KSYMBOL it is behind the name, and not at the end: kernels
 * (6.18 still) count another tail for each further event that is told of the same symbol, be it
 * somebody else's, and what is in the last ones is nothing.
 */
static size_t tail_offset(const char *record, const struct perf_event_header *header)
{
	const size_t last = header->size - sizeof(struct record_tail);
	const size_t name = sizeof(*header) + sizeof(struct ksymbol_body);
	size_t behind;

	if (header->type != PERF_RECORD_KSYMBOL || name >= last)
		return last;
	behind = name + strnlen(record + name, last - name) + 1;
	behind = (behind + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
	return behind < last ? behind : last;
}

/* Lists the records in bytes[from, size). */
static int index_records(struct sideband *sideband, size_t from)
{
	while (from + sizeof(struct perf_event_header) <= sideband->size) {
		struct perf_event_header header;
		struct record_tail tail;
		int err;

		memcpy(&header, sideband->bytes + from, sizeof(header));
		if (header.size < sizeof(header) + sizeof(tail) ||
		    header.size > sideband->size - from)
			return -EPROTO;
		memcpy(&tail, sideband->bytes + from + tail_offset(sideband->bytes + from, &header),
		       sizeof(tail));
		err = add_ref(sideband, tail.time_ns, from);
		if (err < 0)
			return err;
		from += header.size;
	}
	return 0;
}

static int take_rings(struct sideband *sideband)
{
	for (size_t i = 0; i < sideband->ring_count; i++) {
		size_t from = sideband->size;
		int err;

		/* First, so that it rings for what comes after the ring has been looked at. */
		ring_skip(&sideband->bells[i]);
		if (sideband->capacity < from + RING_SIZE) {
			char *bytes = realloc(sideband->bytes, from + RING_SIZE);

			if (!bytes)
				return -ENOMEM;
			sideband->bytes = bytes;
			sideband->capacity = from + RING_SIZE;
		}
		sideband->size += ring_take(&sideband->rings[i], sideband->bytes + from);
		err = index_records(sideband, from);
		if (err < 0)
			return err;
	}
	return 0;
}

static int compare_refs(const void *a, const void *b)
{
	const struct record_ref *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The layouts stand in include/uapi/linux/perf_event.h, enum perf_event_type. */
struct mmap2_body {
	uint32_t pid, tid;
	uint64_t start, length, file_offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t inode, inode_generation;
		};
		struct {
			uint8_t build_id_size, reserved[3];
			uint8_t build_id[20];
		};
	};
	uint32_t protection, flags;
	/* char path[] follows, zero-terminated and padded */
};
_Static_assert(sizeof(struct mmap2_body) == 64, "as the kernel writes it");

struct task_body {
	uint32_t pid, parent, tid, parent_tid;
};

static bool parse_mmap(const struct perf_event_header *header, const char *body, size_t size,
		       struct sideband_record *record)
{
	struct mmap2_body mmap;

	if (size <= sizeof(mmap) || !memchr(body + sizeof(mmap), 0, size - sizeof(mmap)))
		return false;
	memcpy(&mmap, body, sizeof(mmap));
	record->type = SIDEBAND_MMAP;
	record->pid = (int32_t)mmap.pid;
	record->tid = (int32_t)mmap.tid;
	record->start = mmap.start;
	record->length = mmap.length;
	record->file_offset = mmap.file_offset;
	record->path = body + sizeof(mmap);
	if (!(header->misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
		record->device = makedev(mmap.major, mmap.minor);
		record->inode = mmap.inode;
	} else if (mmap.build_id_size <= BUILD_ID_SIZE_MAX) {
		record->build_id.size = mmap.build_id_size;
		memcpy(record->build_id.bytes, mmap.build_id, mmap.build_id_size);
	}
	return true;
}

static void parse_ksymbol(const char *body, size_t size, struct sideband_record *record)
{
	struct ksymbol_body symbol;

	record->type = SIDEBAND_KSYMBOL;
	if (size <= sizeof(symbol) || !memchr(body + sizeof(symbol), 0, size - sizeof(symbol)))
		return;
	memcpy(&symbol, body, sizeof(symbol));
	record->path = body + sizeof(symbol);
	record->is_gone = symbol.flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER;
	if (symbol.type != PERF_RECORD_KSYMBOL_TYPE_BPF)
		return;
	record->start = symbol.address;
	record->length = symbol.length;
}

static bool parse_task(uint32_t type, const char *body, size_t size, struct sideband_record *record)
{
	struct task_body task;

	if (size < sizeof(task))
		return false;
	memcpy(&task, body, sizeof(task));
	record->pid = (int32_t)task.pid;
	record->tid = (int32_t)task.tid;
	record->parent = (int32_t)task.parent;
	record->type = type == PERF_RECORD_FORK ? SIDEBAND_FORK : SIDEBAND_EXIT;
	/* A new thread brings no new process. */
	return type == PERF_RECORD_EXIT || task.pid != task.parent;
}

/* False: nothing to hand out. body is what lies between the header and the tail. */
static bool parse_record(struct sideband *sideband, const struct perf_event_header *header,
			 const char *body, size_t size, struct sideband_record *record)
{
	uint64_t lost;

	switch (header->type) {
	case PERF_RECORD_MMAP2:
		return parse_mmap(header, body, size, record);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return parse_task(header->type, body, size, record);
	case PERF_RECORD_COMM:
		if (!(header->misc & PERF_RECORD_MISC_COMM_EXEC) || size < 8)
			return false;
		record->type = SIDEBAND_EXEC;
		memcpy(&record->pid, body, sizeof(record->pid));
		memcpy(&record->tid, body + 4, sizeof(record->tid));
		return true;
	case PERF_RECORD_KSYMBOL:
		parse_ksymbol(body, size, record);
		return true;
	case PERF_RECORD_LOST:
		if (size >= 16) {
			memcpy(&lost, body + 8, sizeof(lost));
			sideband->lost += lost;
		}
		return false;
	default:
		return false;
	}
}

static int hand_out(struct sideband *sideband, const struct record_ref *ref,
		    sideband_handler handler, void *context)
{
	const char *bytes = sideband->bytes + ref->offset;
	struct sideband_record record = { .time_ns = ref->time_ns };
	struct perf_event_header header;
	size_t body_size;

	memcpy(&header, bytes, sizeof(header));
	body_size = header.size - sizeof(header) - sizeof(struct record_tail);
	if (!parse_record(sideband, &header, bytes + sizeof(header), body_size, &record))
		return 0;
	return handler(context, &record);
}

/* Moves what was not handed out, refs[from...], to the front. */
static int keep_rest(struct sideband *sideband, size_t from)
{
	size_t count = sideband->ref_count - from, size = 0;
	CLEANUP(cleanup_free) char *bytes = NULL;

	if (count > 0) {
		bytes = malloc(sideband->capacity);
		if (!bytes)
			return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct record_ref ref = sideband->refs[from + i];
		struct perf_event_header header;

		memcpy(&header, sideband->bytes + ref.offset, sizeof(header));
		memcpy(bytes + size, sideband->bytes + ref.offset, header.size);
		ref.offset = size;
		sideband->refs[i] = ref;
		size += header.size;
	}
	if (count > 0) {
		free(sideband->bytes);
		sideband->bytes = TAKE(bytes);
	}
	sideband->ref_count = count;
	sideband->size = size;
	return 0;
}

int sideband_read(struct sideband *sideband, sideband_handler handler, void *context)
{
	struct timespec now;
	uint64_t due_ns;
	size_t i = 0;
	int err;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	due_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	err = take_rings(sideband);
	if (err < 0)
		return err;
	if (sideband->ref_count > 0)
		qsort(sideband->refs, sideband->ref_count, sizeof(*sideband->refs), compare_refs);
	for (; i < sideband->ref_count && sideband->refs[i].time_ns <= due_ns; i++) {
		err = hand_out(sideband, &sideband->refs[i], handler, context);
		if (err < 0)
			return err;
	}
	return keep_rest(sideband, i);
}

uint64_t sideband_taken(const struct sideband *sideband)
{
	return sideband->order;
}

uint64_t sideband_lost(const struct sideband *sideband)
{
	return sideband->lost;
}
