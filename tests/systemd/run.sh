#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots a Debian with systemd on one of Debian's kernels, emulated, and lets check.sh lead the agent
# through the life of its unit.
#   run.sh BUILD CACHE [VERSION]
# BUILD is a release build, CACHE a folder for packages, kernels and the report. VERSION as
# tests/kernels/run.sh has it (6.1). Needs root, as debootstrap does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

SUITE=bookworm
# What eprof links, and what the checks use.
PACKAGES=systemd,systemd-sysv,procps,libelf1,libdw1,libcap-ng0,libcjson1,libcurl4,libinih1,libbpf1
PACKAGES+=,libprotobuf-c1,zlib1g,ca-certificates
MEMORY_MIB=2048
BOOT_SECONDS=1500

die() { printf 'systemd: %s\n' "$*" >&2 && exit 1; }

# Once; a whole one only.
make_base() {
	local uri
	[[ -d $cache/base ]] && return 0
	# shellcheck disable=SC2016 # apt's own variable
	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | mirror_of 0)
	rm -rf "$cache/base.new"
	debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$cache/base.new" "$uri" \
		>"$cache/debootstrap.log" 2>&1 || die "debootstrap fails, see $cache/debootstrap.log"
	rm -rf "$cache"/base.new/usr/share/{doc,man,locale,info} "$cache"/base.new/var/{cache,lib}/apt/*
	mv "$cache/base.new" "$cache/base"
}

# What is installed is what a user installs.
make_initramfs() {
	local root=$cache/root
	rm -rf "$root"
	cp -a "$cache/base" "$root"
	DESTDIR=$root cmake --install "$build" --prefix /usr >/dev/null
	install -m 755 "$here/check.sh" "$root/check.sh"
	install -m 755 "$here/init.sh" "$root/init"
	# debootstrap leaves its host's.
	echo eprof-test >"$root/etc/hostname"
	: >"$root/etc/resolv.conf"
	cat >"$root/etc/systemd/system/check.service" <<-END
		[Unit]
		After=basic.target
		[Service]
		Type=oneshot
		ExecStart=/check.sh
		ExecStopPost=/usr/bin/systemctl --no-block poweroff
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS1
	END
	# Behind what the agent itself waits for, or each would wait for the other.
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -sf ../check.service "$root/etc/systemd/system/multi-user.target.wants/check.service"
	ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
	(cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet) >"$cache/initramfs"
	rm -rf "$root"
}

boot() {
	timeout --foreground "$BOOT_SECONDS" nice qemu-system-x86_64 -M q35 \
		-accel tcg,thread=single -cpu max,la57=off -smp 2 -m "$MEMORY_MIB" -nodefaults \
		-no-reboot -display none -kernel "$1" -initrd "$cache/initramfs" \
		-append "console=ttyS0 panic=-1 quiet transparent_hugepage=never rdinit=/init" \
		-serial "file:$cache/console" -serial "file:$cache/report" </dev/null || true
}

main() {
	local package version image
	((EUID == 0)) || die "needs root, to make a root file system"
	[[ $(uname -m) == x86_64 ]] || die "the programs of this machine are not for x86-64 kernels"
	update_lists
	read -r package version < <(find_kernel "$1") || die "apt finds no kernel $1"
	image=$(fetch_kernel "$package" "$version") || die "apt cannot fetch $package"
	make_base
	make_initramfs
	boot "$image"
	cat "$cache/report"
	grep -q '^exit status 0' "$cache/report" || die "failed, see $cache/report and $cache/console"
}

(($# == 2 || $# == 3)) || die "usage: $0 BUILD CACHE [VERSION]"
mkdir -p "$2"
build=$(realpath "$1")
cache=$(realpath "$2")
# shellcheck source=tests/kernels/apt.sh
source "$here/../kernels/apt.sh"
main "${3:-6.1}"
