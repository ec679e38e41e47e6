/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/*
 * It takes several versions to spoil one reading. Only a writer that does nothing else spoils as
 * many as these, and nobody waits for that one.
 */
#define READ_TRIES 64

int uploader_shared_new(int *ret_fd, struct uploader_shared **ret)
{
	CLEANUP(cleanup_fd) int fd = memfd_create("uploader", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0 || ftruncate(fd, sizeof(struct uploader_shared)) < 0)
		return -errno;
	/* A file that can be cut is a file that can end whoever has it mapped. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	err = uploader_shared_map(fd, ret);
	if (err < 0)
		return err;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int uploader_shared_map(int fd, struct uploader_shared **ret)
{
	struct stat st;
	void *memory;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != sizeof(struct uploader_shared))
		return -EPROTO;
	memory = mmap(NULL, sizeof(struct uploader_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

void uploader_shared_unmap(struct uploader_shared *shared)
{
	if (shared)
		(void)munmap(shared, sizeof(*shared));
}

/*
 * Each word is released and acquired, so that who sees one that is written over also sees how many
 * versions have been published before that.
 */
void uploader_slot_publish(struct uploader_slot *slot, const struct uploader_figures *figures)
{
	uint64_t version = atomic_load_explicit(&slot->version, memory_order_relaxed) + 1;
	uint64_t words[UPLOADER_FIGURES_WORDS];

	memcpy(words, figures, sizeof(words));
	for (size_t i = 0; i < UPLOADER_FIGURES_WORDS; i++)
		atomic_store_explicit(&slot->words[version % UPLOADER_COPIES][i], words[i],
				      memory_order_release);
	atomic_store_explicit(&slot->version, version, memory_order_release);
}

bool uploader_slot_read(const struct uploader_slot *slot, struct uploader_figures *ret)
{
	uint64_t words[UPLOADER_FIGURES_WORDS];

	for (int tries = 0; tries < READ_TRIES; tries++) {
		uint64_t version = atomic_load_explicit(&slot->version, memory_order_acquire);

		for (size_t i = 0; i < UPLOADER_FIGURES_WORDS; i++)
			words[i] = atomic_load_explicit(&slot->words[version % UPLOADER_COPIES][i],
							memory_order_acquire);
		/* This copy is written to once all the others have been. */
		if (atomic_load_explicit(&slot->version, memory_order_acquire) - version >=
		    UPLOADER_COPIES - 1)
			continue;
		memcpy(ret, words, sizeof(*ret));
		ret->last_error[sizeof(ret->last_error) - 1] = '\0';
		return true;
	}
	return false;
}
