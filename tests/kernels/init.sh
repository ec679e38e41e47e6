#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The first process of a kernel that is tested. The kernel's own messages go to the first serial
# line, all of ours to the second.
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /dev/shm
mount -t tmpfs none /dev/shm
exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 -opost
ip link set lo up

# Emulated, everything takes so long that the kernel would lower the rate of samples.
echo 0 >/proc/sys/kernel/perf_cpu_time_max_percent

# The kernel complains about numbers.
ps -o pid,nice,comm | head -n 60
export PATH=/bin HOME=/tmp LANG=C.UTF-8
export EPROF_TEST_CPU_SECONDS=1.5
export EPROF_BINARY=/build/eprof EPROF_PROGRAMS=/build/tests/programs
cd /tests/kernels || poweroff -f
/python -B guest.py
echo "exit status $?"
# It waits until all has gone through the line.
stty -F /dev/ttyS1 opost
poweroff -f
