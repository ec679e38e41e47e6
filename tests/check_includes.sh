#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom (ARCHITECTURE.md, "The arrows"). Each folder has the includes it may write;
# anything else fails, with its file and line.
#   check_includes.sh ROOT | --self-test
set -euo pipefail

# Extended regular expressions for what stands between the quotes or angle brackets.
quoted_of() {
	case $1 in
	base) echo 'base/' ;;
	bpf) echo 'bpf/[a-z_]+(\.bpf)?\.h$' ;;
	symbolize) echo '(symbolize|base)/|bpf/abi\.h$' ;;
	flamegraph) echo '(flamegraph|base)/|[a-z_]+\.pb-c\.h$' ;;
	web) echo '(web|flamegraph|base)/' ;;
	agent) echo '(agent|symbolize|flamegraph|base)/|bpf/abi\.h$|[a-z_]+\.skel\.h$' ;;
	esac
}

# System headers that a folder must do without, or (bpf) the only ones it may have.
system_is_allowed() {
	case $1 in
	base) [[ ! $2 =~ ^(linux|bpf|sys|asm)/ ]] ;;
	bpf) [[ $2 =~ ^(bpf|linux)/|^std(bool|def|int)\.h$ ]] ;;
	flamegraph) [[ ! $2 =~ ^(linux|bpf|sys|asm|elfutils|netinet|net)/|^(time|fcntl|unistd|dirent)\.h$ ]] ;;
	symbolize) [[ ! $2 =~ ^(bpf|netinet|net)/ ]] ;;
	*) true ;;
	esac
}

# The files of agent/ that may include the skeleton of this name.
owner_of() {
	case $1 in
	sampler) echo 'sampler[a-z_]*\.[ch]' ;;
	kernel_name) echo 'kernel_lookup\.c' ;;
	cgroups) echo 'cgroup_paths\.c' ;;
	off_cpu) echo 'off_cpu[a-z_]*\.[ch]' ;;
	*) echo 'nothing' ;;
	esac
}

check_tree() {
	local root=$1 failures=0 folder file line number name
	for folder in base bpf symbolize flamegraph web agent; do
		[[ -d $root/$folder ]] || continue
		while IFS= read -r -d '' file; do
			while IFS=: read -r number line; do
				if [[ $line =~ \"([^\"]+)\" ]]; then
					name=${BASH_REMATCH[1]}
					[[ $name != *..* && $name =~ ^($(quoted_of "$folder")) ]] && continue
					# The walk itself, for threads that are blocked.
					[[ $name == bpf/unwind.bpf.h && $file == */agent/blocked_walk.c ]] && continue
				elif [[ $line =~ \<([^\>]+)\> ]]; then
					name=${BASH_REMATCH[1]}
					system_is_allowed "$folder" "$name" && continue
				else
					name=$line
				fi
				echo "$file:$number: $folder/ may not include $name"
				failures=$((failures + 1))
			done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" || true)
		done < <(find "$root/$folder" -name '*.[ch]' -print0)
	done
	# Each kernel half has one owner: nobody else sees its generated skeleton.
	while IFS=: read -r file line; do
		[[ $line =~ \"(.*)\.skel\.h\" ]] && name=${BASH_REMATCH[1]}
		[[ ${file##*/} =~ ^$(owner_of "$name")$ ]] && continue
		echo "$file: only agent/$(owner_of "$name") may include $name.skel.h"
		failures=$((failures + 1))
	done < <(grep -rE '#[[:space:]]*include[[:space:]]*".*\.skel\.h"' "$root/agent" 2>/dev/null || true)
	((failures == 0))
}

# Every arrow that must not exist is written into a file of its own, and must be found there.
self_test() {
	local folder include failures=0
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	while read -r folder include; do
		rm -rf "${dir:?}"/*
		mkdir -p "$dir/$folder"
		printf '#include %s\n' "$include" >"$dir/$folder/other.c"
		if check_tree "$dir" >"$dir/found"; then
			echo "not caught: $folder/ includes $include"
			failures=$((failures + 1))
		elif ! grep -q "^$dir/$folder/other.c:" "$dir/found"; then
			echo "caught elsewhere: $folder/ includes $include: $(cat "$dir/found")"
			failures=$((failures + 1))
		fi
	done <<'EOF'
base "agent/log.h"
base <linux/bpf.h>
flamegraph "symbolize/symbolize.h"
flamegraph "agent/log.h"
flamegraph "base/../agent/log.h"
flamegraph "call_tree.h"
flamegraph <sys/stat.h>
flamegraph <time.h>
symbolize "flamegraph/call_tree.h"
symbolize "agent/log.h"
symbolize "bpf/kernel_types.h"
symbolize <bpf/libbpf.h>
agent "tests/programs/demo.h"
agent "bpf/stack.bpf.h"
agent "web/store.h"
agent "sampler.skel.h"
agent "kernel_name.skel.h"
agent "off_cpu.skel.h"
agent "cgroups.skel.h"
agent "bpf/unwind.bpf.h"
agent "unknown.skel.h"
web "agent/output.h"
web "symbolize/symbolize.h"
bpf "base/frame.h"
bpf "agent/sampler.h"
bpf <stdio.h>
EOF
	rm -rf "${dir:?}"/*
	mkdir -p "$dir"/{agent,symbolize,flamegraph,bpf,base}
	printf '#include "%s"\n' agent/log.h symbolize/symbolize.h bpf/abi.h base/frame.h \
		sampler.skel.h >"$dir/agent/sampler.c"
	printf '#include "%s"\n' agent/kernel_lookup.h kernel_name.skel.h >"$dir/agent/kernel_lookup.c"
	printf '#include "%s"\n' agent/off_cpu.h off_cpu.skel.h >"$dir/agent/off_cpu.c"
	printf '#include "%s"\n' agent/cgroup_paths.h cgroups.skel.h >"$dir/agent/cgroup_paths.c"
	printf '#include "%s"\n' bpf/abi.h bpf/unwind.bpf.h >"$dir/agent/blocked_walk.c"
	printf '#include "%s"\n' base/frame.h bpf/abi.h >"$dir/symbolize/good.c"
	printf '#include %s\n' '"base/frame.h"' '"profile.pb-c.h"' '<zlib.h>' >"$dir/flamegraph/good.c"
	printf '#include %s\n' '"bpf/kernel_types.h"' '<bpf/bpf_helpers.h>' >"$dir/bpf/good.bpf.c"
	if ! check_tree "$dir"; then
		echo "a tree with only allowed arrows was refused"
		failures=$((failures + 1))
	fi
	((failures == 0))
}

case ${1:-} in
--self-test) self_test ;;
'') echo "usage: $0 ROOT | --self-test" >&2 && exit 2 ;;
*) check_tree "$1" ;;
esac
