#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Building unwind tables: libc, a large library, and every library of the machine.
set -euo pipefail
root=$(dirname "${EPROF_BINARY:-build/release/eprof}")
libraries=/usr/lib/$(gcc -print-multiarch)
mapfile -t large < <(find "$libraries" -maxdepth 1 -type f -name 'libLLVM*.so*' | sort | head -n 1)
exec "$root/tests/unwind_speed" "$libraries/libc.so.6" "${large[@]}" "$libraries"
