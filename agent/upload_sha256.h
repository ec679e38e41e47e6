/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of a piece of a file, by the library that libcurl has for TLS, if that is OpenSSL. */
#ifndef EPROF_AGENT_UPLOAD_SHA256_H
#define EPROF_AGENT_UPLOAD_SHA256_H

#include <stdint.h>

#include "base/curl_library.h"

#define SHA256_HEX_SIZE 65

/* As hexadecimal digits. 0 or -errno: -ENOSYS: it is another library; -EIO: the file is shorter. */
int upload_sha256(const struct curl_library *library, int fd, uint64_t offset, uint64_t size,
		  char ret[SHA256_HEX_SIZE]);

#endif
