#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots a Debian with systemd on one of Debian's kernels, emulated, and lets check.sh lead the agent
# through the life of its unit.
#   run.sh BUILD CACHE [VERSION]
# BUILD is a release build, CACHE a folder for packages, kernels and the report. VERSION as
# tests/kernels/run.sh has it (6.1). Needs root, as debootstrap does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What the checks use; what eprof links comes on top.
PACKAGES=systemd,systemd-sysv,procps,ca-certificates
# Loaded when it is needed.
EXTRA_LIBRARY=libcurl.so.4
MEMORY_MIB=2048
BOOT_SECONDS=1500

die() { printf 'systemd: %s\n' "$*" >&2 && exit 1; }

# The packages that have what the programs of this machine link, by the names they have here.
library_packages() {
	local name
	{
		ldd "$build/eprof" | awk '/=> \// { print $1 }'
		echo "$EXTRA_LIBRARY"
	} | while read -r name; do
		dpkg-query -S "*/$name" 2>/dev/null | cut -d: -f1 | sort -u | head -n 1
	done | sort -u | paste -sd,
}

# Once for each list of packages; a whole one only. Prints where it is.
make_base() {
	local suite targets uri packages base
	# shellcheck source=/dev/null
	suite=$(. /etc/os-release && echo "${ID:-}:${VERSION_CODENAME:-}")
	[[ $suite == debian:?* ]] || die "the programs of this machine are for no Debian"
	packages=$PACKAGES,$(library_packages)
	base=$cache/base-$(printf '%s %s' "$suite" "$packages" | sha256sum | cut -c1-12)
	echo "$base"
	[[ -d $base ]] && return 0
	# shellcheck disable=SC2016 # apt's own variables
	targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian')
	uri=$(mirror_of 0 <<<"$targets")
	[[ -n $uri ]] || die "apt knows no mirror of Debian"
	# One that was interrupted may have mounted file systems of the machine there.
	umount "$cache/base.new/proc" "$cache/base.new/sys" 2>/dev/null || true
	rm -rf --one-file-system "$cache/base.new"
	debootstrap --variant=minbase --include="$packages" "${suite#*:}" "$cache/base.new" "$uri" \
		>"$cache/debootstrap.log" 2>&1 || die "debootstrap fails, see $cache/debootstrap.log"
	rm -rf "$cache"/base.new/usr/share/{doc,man,locale,info} "$cache"/base.new/var/{cache,lib}/apt/*
	mv "$cache/base.new" "$base"
}

# What is installed is what a user installs.
make_initramfs() {
	local root=$cache/root
	rm -rf "$root"
	cp -a "$1" "$root"
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
	local package version image base
	((EUID == 0)) || die "needs root, to make a root file system"
	[[ $(uname -m) == x86_64 ]] || die "the programs of this machine are not for x86-64 kernels"
	update_lists
	read -r package version < <(find_kernel "$1") || die "apt finds no kernel $1"
	image=$(fetch_kernel "$package" "$version") || die "apt cannot fetch $package"
	base=$(make_base)
	make_initramfs "$base"
	rm -f "$cache/report" "$cache/console"
	boot "$image"
	[[ -s $cache/report ]] || die "it said nothing, see $cache/console"
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
