#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All of the kernel's names, where they cannot be asked for one by one: at most 100 ms.
set -euo pipefail
exec "$(dirname "${EPROF_BINARY:-build/release/eprof}")/tests/kallsyms_speed" 100
