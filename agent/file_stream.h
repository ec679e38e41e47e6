/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stdio stream over a file descriptor that keeps the first errno of its writes: a writer that
 * only reports "failed" (-EIO) would otherwise lose whether the disk is full.
 */
#ifndef EPROF_AGENT_FILE_STREAM_H
#define EPROF_AGENT_FILE_STREAM_H

#include <stdio.h>

/* It must stay where it is while it is open. */
struct file_stream {
	FILE *out; /* has no file descriptor; never fclose() it */
	char *buffer;
	int fd;
	int error; /* the first errno, or 0 */
};

/* 0 or -errno; fd belongs to the stream in both cases. */
int file_stream_open(struct file_stream *stream, int fd);

/* All that was printed is in the file. 0 or -errno, of whatever failed first. */
int file_stream_flush(struct file_stream *stream);

/* Flushes, and closes the descriptor. 0 or -errno as above, also when it is closed already. */
int file_stream_close(struct file_stream *stream);

/*
 * fsync() of a directory. Some file systems cannot: then nobody can promise more than they do, and
 * it is no error. 0 or -errno.
 */
int directory_sync(int fd);

#endif
