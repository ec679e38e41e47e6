#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots other kernels, emulated, and lets eprof record in each: guest.py says what is asked of it.
#   run.sh BUILD CACHE [VERSION...]
# BUILD is a release build, CACHE a folder for kernels and reports. VERSION: 6.12, 6.12-rt, newest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The first is too old, and is to be told so. Then the long-term ones, and others that were there
# when this was written.
VERSIONS="5.10 5.15 6.1 6.6 6.12 6.12-rt 6.16 6.17 6.18 newest"
MEMORY_MIB=2048
BOOT_SECONDS=1500

die() { printf 'kernels: %s\n' "$*" >&2 && exit 1; }

# Copies files with their paths, following links: what is linked to is what is wanted.
copy() {
	local file
	for file; do
		[[ -e $root$file ]] && continue
		mkdir -p "$root$(dirname "$file")"
		cp -L --preserve=mode,timestamps "$file" "$root$file"
	done
}

# Programs' and libraries' shared libraries, their loader among them.
copy_libraries() {
	local files
	mapfile -t files < <(ldd "$@" 2>/dev/null | grep -oE '/[^ :]+\.so[^ :]*' | sort -u)
	copy "${files[@]}"
}

# Debian's: another may be somewhere in a home, with paths of its own.
copy_python() {
	local python=/usr/bin/python3 library
	library=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$root$library"
	tar -C "$library" --exclude='./config-*' --exclude=./test --exclude=./pydoc_data \
		--exclude=./distutils --exclude=./lib2to3 --exclude='./*-packages' -c . |
		tar -C "$root$library" -x
	# By the name that it finds its library with.
	mkdir -p "$root/usr/bin"
	cp -L "$python" "$root/usr/bin/python3"
	ln -s usr/bin/python3 "$root/python"
	copy_libraries "$python" "$library"/lib-dynload/*.so
}

# One for all kernels.
make_initramfs() {
	local root
	root=$(mktemp -d "$cache/root.XXXXXX")
	# It becomes /, and not all in there is root.
	chmod 755 "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,build/tests,tests,usr/lib/python3}
	cp /bin/busybox "$root/bin/busybox"
	cp "$here/init.sh" "$root/init"
	chmod +x "$root/init"
	cp "$build/eprof" "$root/build/"
	cp "$build/tests/kernel_facts" "$root/build/tests/"
	cp -r "$build/tests/programs" "$root/build/tests/"
	rm -rf "$root/build/tests/programs/CMakeFiles"
	cp -r "$here" "$here/../kernel" "$root/tests/"
	copy_libraries "$build/eprof" "$build/tests/kernel_facts"
	find "$build/tests/programs" -maxdepth 1 -type f -perm /111 -print0 |
		while IFS= read -r -d '' program; do copy_libraries "$program"; done
	copy_python
	# Not compressed: an emulated processor would need longer for it than for all else in a boot.
	(cd "$root" && find . -print0 | cpio -0 -o -H newc --owner=0:0 --quiet) >"$cache/initramfs"
	rm -rf "$root"
}

# IMAGE REPORT: returns when the kernel has turned itself off, or has had enough time. One thread for
# both processors: in parallel, code that the kernel patches is not always seen at once. No huge
# pages: the thread that makes them has the lowest priority, and once preempted it holds up RCU.
boot() {
	timeout --foreground "$BOOT_SECONDS" nice qemu-system-x86_64 -M q35 \
		-accel tcg,thread=single -cpu max,la57=off -smp 2 -m "$MEMORY_MIB" -nodefaults \
		-no-reboot -display none -kernel "$1" -initrd "$cache/initramfs" \
		-append "console=ttyS0 panic=-1 quiet transparent_hugepage=never" \
		-serial "file:$2.console" -serial "file:$2" </dev/null
}

# What the kernel itself should never have to say.
has_kernel_complaint() {
	grep -E 'BUG:|WARNING:|Oops|Kernel panic|stall|lockdep' "$1" | head -n 5
}

# VERSION: 0 all is well, 1 something is not, 2 there is no such kernel.
test_kernel() {
	local package version image report=$cache/report-$1 complaint begin=$SECONDS
	read -r package version < <(find_kernel "$1") || return 2
	image=$(fetch_kernel "$package" "$version") || return 2
	printf '== %s: %s %s\n' "$1" "$package" "$version"
	rm -f "$report" "$report.console"
	boot "$image" "$report" || true
	[[ -s $report ]] || { echo "  it said nothing" && return 1; }
	sed -n 's/^fact \(.*\)\t/  \1: /p' "$report"
	echo "  minutes: $(((SECONDS - begin + 30) / 60)); report: $report"
	complaint=$(has_kernel_complaint "$report.console")
	if [[ -n $complaint ]]; then
		printf '  the kernel complains, see %s:\n%s\n' "$report.console" "$complaint"
	elif grep -q '^exit status 0$' "$report"; then
		echo "  PASS"
		return 0
	elif ! grep -q '^exit status' "$report"; then
		echo "  it did not come to its end within $BOOT_SECONDS s"
		tail -n 3 "$report" "$report.console"
	fi
	grep -E '^(FAIL|ERROR|[A-Za-z.]*(Error|Exception)):' "$report" | sed 's/^/  /' || true
	echo "  FAIL"
	return 1
}

main() {
	local version status passed=() failed=() missing=()
	[[ $(uname -m) == x86_64 ]] || die "the programs of this machine are not for x86-64 kernels"
	command -v apt-get >/dev/null || die "kernels come from Debian, and there is no apt here"
	for version; do
		[[ $version =~ ^([0-9]+\.[0-9]+|newest)(-rt)?$ ]] ||
			die "'$version' is no version: 6.12, 6.12-rt, newest, newest-rt"
	done
	update_lists
	[[ -s $cache/apt/kernels ]] || die "apt finds no Debian kernels: see $cache/apt/update.log"
	make_initramfs
	for version; do
		status=0
		test_kernel "$version" || status=$?
		case $status in
		0) passed+=("$version") ;;
		2) missing+=("$version") ;;
		*) failed+=("$version") ;;
		esac
	done
	echo
	echo "passed: ${passed[*]:-none}"
	((${#missing[@]} == 0)) || echo "not available: ${missing[*]} (not in the suites that apt reaches)"
	((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
}

(($# >= 2)) || die "usage: $0 BUILD CACHE [VERSION...]"
mkdir -p "$2"
build=$(realpath "$1")
cache=$(realpath "$2")
shift 2
# shellcheck source=tests/kernels/apt.sh
source "$here/apt.sh"
# shellcheck disable=SC2086 # a list of words
(($#)) || set -- $VERSIONS
main "$@"
