#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first process: systemd gets a root that is a mounted file system, which an initramfs is not.
set -eu
mount -t tmpfs -o size=80% none /mnt
for name in /*; do
	case $name in
	/mnt | /proc | /sys | /dev | /run) ;;
	*) cp -a "$name" /mnt/ ;;
	esac
done
mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/run /mnt/mnt
exec switch_root /mnt /lib/systemd/systemd --show-status=no --log-target=console
