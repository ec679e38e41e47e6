#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_bpf_dependencies.sh ROOT: a header that a BPF program includes rebuilds the program, its
# skeleton and the C file that includes that; and without a change nothing is rebuilt.
set -euo pipefail
root=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(sample LANGUAGES C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)
include($root/cmake/BpfSkeleton.cmake)
add_bpf_skeleton(sample_bpf sample.bpf.c)
add_executable(sample sample.c)
target_link_libraries(sample PRIVATE sample_bpf)
END
echo '#define ANSWER 42' >"$dir/shared.h"
cat >"$dir/sample.bpf.c" <<'END'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shared.h"
char LICENSE[] SEC("license") = "Dual BSD/GPL";
SEC("raw_tp/sched_switch") int answer(void *ctx) { return ANSWER; }
END
printf '#include "sample.skel.h"\nint main(void) { return 0; }\n' >"$dir/sample.c"
cmake -S "$dir" -B "$dir/build" -G Ninja >/dev/null
cmake --build "$dir/build" >/dev/null
planned=$(ninja -C "$dir/build" -n)
[[ $planned == *'no work to do'* ]] || { echo "a second build does something"; exit 1; }
touch "$dir/shared.h"
planned=$(ninja -C "$dir/build" -n -v)
for step in sample.bpf.o sample.skel.h sample.c.o; do
	[[ $planned == *"$step"* ]] || { echo "a changed header does not rebuild $step"; exit 1; }
done
