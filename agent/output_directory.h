/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that results go to. One that is not there is proved to be possible when it is
 * opened, and made when the first file is: a recording that is killed leaves nothing.
 */
#ifndef EPROF_AGENT_OUTPUT_DIRECTORY_H
#define EPROF_AGENT_OUTPUT_DIRECTORY_H

#include <stdbool.h>

struct output_directory {
	int fd;        /* -1: not made yet */
	int parent_fd; /* O_PATH; where it is made, whatever its path leads to by then */
	char *asked;   /* the path that was asked for */
	char *path;    /* what it is */
	bool is_new;   /* never one that is there: PATH-2 and so on are tried instead */
	bool is_ours;  /* it is there because we made it */
};

#define OUTPUT_DIRECTORY_NONE ((struct output_directory){ .fd = -1, .parent_fd = -1 })

/*
 * Opens the directory at path, which has no '/' at its end but for "/"; one that is not there is
 * made and removed again, if may_make. 0 and *ret, which the caller ends with
 * output_directory_done(), or -errno; -EEXIST: the path of a new one is there, and all of the
 * others.
 */
int output_directory_open(const char *path, bool may_make, bool is_new,
			  struct output_directory *ret);

/*
 * Makes sure that it is there and open: makes it where it is not. What has come in its place since
 * is used when it is a directory, never when it is a link to one. 0 or -errno, as above.
 */
int output_directory_make(struct output_directory *directory);

/* The same for one that is open, and that somebody has removed. */
int output_directory_make_again(struct output_directory *directory);

/* Removes and closes it if it is ours, and empty. */
void output_directory_remove(struct output_directory *directory);

void output_directory_done(struct output_directory *directory);

#endif
