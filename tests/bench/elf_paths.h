/* SPDX-License-Identifier: Apache-2.0 */
/* Every regular file that is given, or below a directory that is given, opened one by one. */
#ifndef EPROF_TESTS_BENCH_ELF_PATHS_H
#define EPROF_TESTS_BENCH_ELF_PATHS_H

#include <elf.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef void elf_visitor(const char *path, int fd, void *context);

static inline bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* Calls visit for the ELF files among them; links are not followed. 0, or -1 with a message. */
static inline int visit_elf_paths(char *const *paths, elf_visitor *visit, void *context)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;

	if (!tree) {
		perror("fts_open");
		return -1;
	}
	while ((entry = fts_read(tree))) {
		int fd;

		if (entry->fts_info != FTS_F)
			continue;
		fd = open(entry->fts_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (is_elf(fd))
			visit(entry->fts_path, fd, context);
		(void)close(fd);
	}
	(void)fts_close(tree);
	return 0;
}

#endif
