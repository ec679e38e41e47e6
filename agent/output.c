/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All names are looked up below one directory descriptor, so that the directory that was proved
 * writable is the one that is written, unless it is removed meanwhile. Temporary files are created
 * with O_EXCL: eprof runs as root and the directory may be a stranger's, who must not get us to
 * follow a link.
 */
#include "agent/output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file_stream.h"
#include "agent/log.h"
#include "agent/output_directory.h"
#include "base/cleanup.h"

/* Earlier runs that were killed, with our pid (containers count from 1), leave that many names. */
#define TEMPORARY_NAMES_MAX 64

struct output_file {
	struct file_stream stream;
	char *name;      /* below the directory; NULL: stdout */
	char *temporary; /* the same; NULL once there is no such file */
	char *path;      /* for people */
	int error;       /* the first errno, or 0 */
	bool is_final;
};

struct output {
	enum output_form form;
	bool to_stdout;
	char *name; /* of one file, below the directory; NULL for the other two */
	bool is_committed;
	struct output_directory directory; /* none for stdout */
	size_t file_count;
	struct output_file files[OUTPUT_FILES_MAX];
};

static bool ends_in(const char *text, const char *suffix)
{
	size_t text_length = strlen(text), length = strlen(suffix);

	return text_length >= length && strcmp(text + text_length - length, suffix) == 0;
}

enum output_form output_form_of(const char *path)
{
	static const struct {
		const char *suffix;
		enum output_form form;
	} forms[] = {
		{ ".svg", OUTPUT_SVG },         { ".folded", OUTPUT_FOLDED },
		{ ".pb.gz", OUTPUT_PPROF },     { ".html", OUTPUT_HTML },
		{ ".json", OUTPUT_SPEEDSCOPE },
	};

	if (strcmp(path, "-") == 0)
		return OUTPUT_STDOUT;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (ends_in(path, forms[i].suffix))
			return forms[i].form;
	}
	return OUTPUT_DIRECTORY;
}

enum output_form output_form(const struct output *output)
{
	return output->form;
}

/* The first errno of the file, its stream closed after it. */
static int close_stream(struct output_file *file)
{
	int err = file_stream_close(&file->stream);

	if (!file->error)
		file->error = -err;
	return file->error;
}

static int create_temporary_there(struct output *output, struct output_file *file)
{
	for (int i = 0; i < TEMPORARY_NAMES_MAX; i++) {
		CLEANUP(cleanup_free) char *name = NULL;
		char again[16] = "";
		int fd;

		if (i > 0)
			(void)snprintf(again, sizeof(again), "-%d", i);
		/* Cut: the longest file name allowed has no room for what we add. */
		if (asprintf(&name, ".%.200s.eprof-%d%s", file->name, (int)getpid(), again) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		fd = openat(output->directory.fd, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd >= 0) {
			file->temporary = TAKE(name);
			return file_stream_open(&file->stream, fd);
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int create_temporary(struct output *output, struct output_file *file)
{
	int err = create_temporary_there(output, file);

	/* The directory was removed; with files in it they are lost, and another helps nobody. */
	if (err != -ENOENT || file != output->files)
		return err;
	err = output_directory_make_again(&output->directory);
	return err < 0 ? err : create_temporary_there(output, file);
}

/* Only a regular file, or a link to one, may be replaced: never /dev/null, a pipe, a directory. */
static int check_replaceable(const struct output *output, const char *name)
{
	struct stat st, dev;

	int fd = output->directory.fd;

	if (fstatat(fd, name, &st, 0) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	/* /dev/stdout is a link, perhaps to a regular file: it would become one for everybody. */
	if (fstat(fd, &st) == 0 && stat("/dev", &dev) == 0 && st.st_dev == dev.st_dev &&
	    st.st_ino == dev.st_ino)
		return -ENOTSUP;
	return 0;
}

static char *path_for_people(const char *directory, const char *name)
{
	char *path;
	int length;

	if (strcmp(directory, ".") == 0)
		return strdup(name);
	length = asprintf(&path, "%s%s%s", directory, ends_in(directory, "/") ? "" : "/", name);
	return length < 0 ? NULL : path;
}

/* Adds the file called name; -errno without a message. */
static int add_file(struct output *output, const char *name)
{
	struct output_file *file = &output->files[output->file_count];
	int err;

	assert(name[0] && !strchr(name, '/'));
	if (output->file_count >= OUTPUT_FILES_MAX)
		return -ENFILE;
	err = output_directory_make(&output->directory);
	if (!err)
		err = check_replaceable(output, name);
	if (err < 0)
		return err;
	*file = (struct output_file){ .stream.fd = -1 };
	output->file_count++; /* what is half made is freed with the rest */
	file->name = strdup(name);
	if (!file->name)
		return -ENOMEM;
	file->path = path_for_people(output->directory.path, name);
	err = file->path ? create_temporary(output, file) : -ENOMEM;
	file->error = -err;
	return err;
}

static void drop_file(struct output *output, struct output_file *file)
{
	(void)close_stream(file);
	if (file->temporary)
		(void)unlinkat(output->directory.fd, file->temporary, 0);
	else if (file->is_final && file->name)
		(void)unlinkat(output->directory.fd, file->name, 0);
	free(file->temporary);
	file->temporary = NULL;
	file->is_final = false;
}

/* Mode bits do not tell (root, read-only mounts) whether files can be made: try. */
static int try_file(struct output *output)
{
	struct output_file probe = { .name = (char *)"probe", .stream.fd = -1 };
	int err = create_temporary(output, &probe);

	drop_file(output, &probe);
	return err;
}

static int open_directory(struct output *output, const char *path, bool is_new)
{
	int err = output_directory_open(path, true, is_new, &output->directory);

	/* Not made yet: that it can be is known. */
	if (err < 0 || output->directory.fd < 0)
		return err;
	return try_file(output);
}

static int open_single_file(struct output *output, const char *directory, const char *path)
{
	const char *slash = strrchr(path, '/');
	int err = output_directory_open(directory, false, false, &output->directory);

	if (err < 0)
		return err;
	output->name = strdup(slash ? slash + 1 : path);
	if (!output->name)
		return -ENOMEM;
	err = check_replaceable(output, output->name);
	return err < 0 ? err : try_file(output);
}

static int open_stdout(struct output *output)
{
	struct output_file *file = &output->files[0];
	int fd;

	*file = (struct output_file){ .stream.fd = -1 };
	output->file_count = 1;
	file->path = strdup("stdout");
	if (!file->path)
		return -ENOMEM;
	/* What the program printed before comes first. */
	if (fflush(stdout) != 0)
		return -errno;
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	return file_stream_open(&file->stream, fd);
}

/* The directory part of path: all of it for the directory form. */
static char *directory_of(const char *path, enum output_form form)
{
	size_t length = strlen(path);

	while (form != OUTPUT_DIRECTORY && length > 0 && path[length - 1] != '/')
		length--;
	if (length == 0)
		return strdup(".");
	while (length > 1 && path[length - 1] == '/')
		length--;
	return strndup(path, length);
}

static void report_open_failure(const char *path, enum output_form form, int err)
{
	if (err == -EISDIR)
		log_error("cannot write '%s': it is a directory, and one file is to be written",
			  path);
	else if (err == -ENOTDIR && form == OUTPUT_DIRECTORY)
		log_error("cannot write into '%s': it is not a directory", path);
	else if (err == -ENOTSUP)
		log_error("cannot write '%s': not a regular file; '-o -' writes to stdout", path);
	else
		log_error("cannot write '%s': %s", path, strerror(-err));
}

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

static int open_checked(const char *path, enum output_form form, bool is_new, struct output **ret)
{
	CLEANUP(cleanup_output) struct output *output = calloc(1, sizeof(*output));
	CLEANUP(cleanup_free) char *directory = NULL;
	size_t length = strlen(path);
	int err;

	if (!output) {
		log_error("cannot write '%s': out of memory", path);
		return -ENOMEM;
	}
	output->directory = OUTPUT_DIRECTORY_NONE;
	output->form = form;
	output->to_stdout = strcmp(path, "-") == 0;
	directory = directory_of(path, form);
	if (!directory)
		err = -ENOMEM;
	else if (length == 0)
		err = -ENOENT;
	else if (output->to_stdout)
		err = open_stdout(output);
	else if (form == OUTPUT_DIRECTORY)
		err = open_directory(output, directory, is_new);
	else if (path[length - 1] == '/')
		err = -EISDIR;
	else
		err = open_single_file(output, directory, path);
	if (err == -EEXIST && is_new)
		log_error("cannot write '%s': it is there already, and so are %s-2 and on", path,
			  path);
	else if (err < 0)
		report_open_failure(path, form, err);
	if (err < 0)
		return err;
	*ret = TAKE(output);
	return 0;
}

int output_open_as(const char *path, enum output_form form, struct output **ret)
{
	return open_checked(path, form, false, ret);
}

int output_open_new_directory(const char *path, struct output **ret)
{
	return open_checked(path, OUTPUT_DIRECTORY, true, ret);
}

int output_open(const char *path, struct output **ret)
{
	return output_open_as(path, output_form_of(path), ret);
}

FILE *output_stream(struct output *output, const char *name)
{
	int err = 0;

	assert(!output->is_committed);
	if (output->name)
		name = output->name;
	if (!output->to_stdout && (!output->name || output->file_count == 0))
		err = add_file(output, name);
	if (err < 0) {
		CLEANUP(cleanup_free)
		char *path = path_for_people(output->directory.path, name);

		report_open_failure(path ? path : name, OUTPUT_DIRECTORY, err);
		errno = -err;
		return NULL;
	}
	return output->files[output->file_count - 1].stream.out;
}

/* Everything of file is on the disk after this; the errno of what failed first, or 0. */
static int finish_file(const struct output *output, struct output_file *file)
{
	if (!file->stream.out)
		return file->error ? file->error : ENOMEM; /* never opened whole */
	if (file_stream_flush(&file->stream) == 0 && !output->to_stdout &&
	    fsync(file->stream.fd) < 0)
		file->error = errno;
	return close_stream(file);
}

static int sync_parent(const struct output *output)
{
	CLEANUP(cleanup_fd)
	int fd = openat(output->directory.fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A parent that we may search but not read: the data is safe, the name will follow. */
	return fd < 0 ? 0 : -directory_sync(fd);
}

static int rename_files(struct output *output, const char **ret_path)
{
	for (size_t i = 0; i < output->file_count; i++) {
		struct output_file *file = &output->files[i];

		*ret_path = file->path;
		if (renameat(output->directory.fd, file->temporary, output->directory.fd,
			     file->name) < 0)
			return errno;
		free(file->temporary);
		file->temporary = NULL;
		file->is_final = true;
	}
	*ret_path = output->directory.path;
	return -directory_sync(output->directory.fd);
}

int output_commit(struct output *output)
{
	const char *path = output->directory.path;
	/* Without a file in it, it is not there yet. */
	int error = output->to_stdout ? 0 : -output_directory_make(&output->directory);

	assert(!output->is_committed);
	for (size_t i = 0; i < output->file_count && !error; i++) {
		path = output->files[i].path;
		error = finish_file(output, &output->files[i]);
	}
	if (!error && !output->to_stdout)
		error = rename_files(output, &path);
	if (!error && output->directory.is_ours)
		error = sync_parent(output);
	if (error) {
		log_error("cannot write '%s': %s", path ? path : "", strerror(error));
		for (size_t i = 0; i < output->file_count; i++)
			drop_file(output, &output->files[i]);
	}
	output->is_committed = !error;
	return -error;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	for (size_t i = 0; i < output->file_count; i++) {
		struct output_file *file = &output->files[i];

		if (!output->is_committed)
			drop_file(output, file);
		free(file->name);
		free(file->path);
	}
	if (!output->is_committed)
		output_directory_remove(&output->directory);
	output_directory_done(&output->directory);
	free(output->name);
	free(output);
}

const char *output_path(const struct output *output, size_t i)
{
	if (!output->is_committed || output->to_stdout || i >= output->file_count)
		return NULL;
	return output->files[i].path;
}
