/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where results go: one file, stdout, or a directory of files. Every file is written whole under a
 * temporary name (".NAME.eprof-PID") in its final directory, synced, and only renamed when all of
 * them are complete. The umask decides who may read them. A file that is there already is replaced,
 * not overwritten: of a symbolic link the link, of a hard link this name only. Not thread-safe.
 */
#ifndef EPROF_AGENT_OUTPUT_H
#define EPROF_AGENT_OUTPUT_H

#include <stdio.h>

/* on-CPU and off-CPU, three files each, index.html, stats.json; twice that to grow. */
#define OUTPUT_FILES_MAX 16

enum output_form {
	OUTPUT_DIRECTORY,
	OUTPUT_STDOUT,     /* "-": folded */
	OUTPUT_SVG,        /* *.svg */
	OUTPUT_FOLDED,     /* *.folded */
	OUTPUT_PPROF,      /* *.pb.gz */
	OUTPUT_HTML,       /* *.html */
	OUTPUT_SPEEDSCOPE, /* *.json */
};

struct output;

/* By the name alone. A path that ends in '/' is a directory, whatever stands before it. */
enum output_form output_form_of(const char *path);

/*
 * Prepares path and proves it writable before a recording begins: a directory is made and removed
 * again (its parent must exist; one that is there is reused), or a temporary file next to a single
 * one. Nothing stays, so whoever is killed until the first output_stream() leaves nothing. On
 * failure prints one line that names the path and returns -errno. On success the caller owns *ret.
 */
int output_open(const char *path, struct output **ret);
/* The same when the name does not say the form; "-" is stdout, whatever the form. */
int output_open_as(const char *path, enum output_form form, struct output **ret);
/* A directory that is never one that is there, when it is made: PATH-2 or so on then. */
int output_open_new_directory(const char *path, struct output **ret);
enum output_form output_form(const struct output *output);

/*
 * Makes the directory if it is not there (any more), for the first file. Opens the stream for the
 * file called name inside the directory (name is ignored for one file and stdout, which have one
 * stream however often it is asked for). The stream belongs to the output: never fclose() it. It
 * has no file descriptor. NULL with errno set on failure, after one line.
 *
 * A failed write needs no message: output_commit() knows its errno and prints it, where signals
 * that would end the program are ignored (agent/signals.h).
 */
FILE *output_stream(struct output *output, const char *name);

/*
 * Flushes, syncs and renames everything that a stream was asked for; 0, or -errno after one line
 * that names the file: then nothing is left under a final name, nor under a temporary one. Call it
 * once.
 */
int output_commit(struct output *output);

/* Drops what was not committed (temporary files, a directory it made), frees. NULL is fine. */
void output_free(struct output *output);

/* Path of the i-th committed file, or NULL: for "wrote ..." lines. NULL for stdout. */
const char *output_path(const struct output *output, size_t i);

#endif
