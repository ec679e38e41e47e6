/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent_config.h"
#include "agent/options.h"
#include "base/cleanup.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int own_stderr = -1, nowhere = -1;

/* What is wrong with a file is told, thousands of times a second: not here. What the sanitizers and
 * the fuzzer say is. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (own_stderr < 0 || nowhere < 0)
		return -1;
	__sanitizer_set_report_fd((void *)(intptr_t)own_stderr);
	return 0;
}

static int read_quietly(const struct agent_options *options, struct agent_config **ret)
{
	int err;

	if (dup2(nowhere, STDERR_FILENO) < 0)
		abort();
	err = agent_config_read(options, ret);
	if (dup2(own_stderr, STDERR_FILENO) < 0)
		abort();
	return err;
}

/* What the header promises of a config that was taken. */
static void check_config(const struct agent_config *config)
{
	if (config->window_s < 1 || config->window_s > 3600 || config->services_max < 1 ||
	    config->target_count < 1 || config->target_count > AGENT_TARGETS_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *no_words[] = { NULL };
	struct agent_config *config = NULL;
	struct agent_options options = { .words = no_words };
	char path[64];
	CLEANUP(cleanup_fd) int fd = memfd_create("config", MFD_CLOEXEC);
	int err;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.config_file = path;
	err = read_quietly(&options, &config);
	if (!err)
		check_config(config);
	else if (err != -EINVAL && err != -ENOMEM)
		abort();
	agent_config_free(config);
	return 0;
}
