#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages say what the program does: the same commands, the same options with the same
# letters, arguments and defaults as --help, and every name that stats.json and [stack: ...] can show.
#   check_docs.sh ROOT EPROF | --self-test ROOT EPROF
set -euo pipefail
export LC_ALL=C
unset ARGP_HELP_FMT

# "-F, --frequency=HZ|99" for each option of `eprof COMMAND --help`.
help_options() {
	"$1" "$2" --help | awk '
		function flush() {
			if (option != "") {
				if (!match(text, /default: [^,;)]*/))
					RLENGTH = 0
				print option "|" substr(text, RSTART + 9, RLENGTH - 9)
			}
			option = text = ""
		}
		/^  (-[A-Za-z], |    )--/ {
			flush()
			sub(/^ +/, "")
			text = option = $0
			# A long one has but one blank before its text.
			sub(/ [^-].*/, "", option)
			next
		}
		option != "" && /^          / { sub(/^ +/, " "); text = text $0; next }
		{ flush() }
		END { flush() }'
}

# The same of the rows in a page below OPTIONS.
page_options() {
	awk '
		function plain(line) {
			gsub(/ ", " /, ", ", line)
			gsub(/\\f[BIR]/, "", line)
			gsub(/\\-/, "-", line)
			sub(/^\.[A-Z]+ /, "", line)
			return line
		}
		function flush(  value) {
			if (option ~ /^-/) {
				value = ""
				if (match(text, /Default: .*/))
					value = substr(text, RSTART + 9)
				sub(/[,;].*/, "", value)
				sub(/\.( .*)?$/, "", value)
				print option "|" value
			}
			option = text = ""
		}
		/^\.SH/ { flush(); is_there = $2 == "OPTIONS"; next }
		!is_there { next }
		/^\.(TP|SS)/ { flush(); is_head = $1 == ".TP"; next }
		is_head { option = plain($0); sub(/= /, "=", option); is_head = 0; next }
		{ text = text " " plain($0) }
		END { flush() }' "$1"
}

# What stands in bold at the head of each row of a section.
page_names() {
	awk -v section="$2" '
		/^\.SH/ { is_there = $2 == section }
		is_there && is_head && /^\.B / { print substr($0, 4) }
		{ is_head = /^\.TP/ }' "$1"
}

# A C file as one line, so that it does not matter where rows are broken.
joined() {
	tr -s '\n\t ' ' ' <"$1"
}

# The keys of stats.json, and those of its objects.
code_statistics() {
	joined "$1/agent/stats_json.c" |
		grep -oE 'add_[a-z]+\((object|&[a-z]+), "[a-z_]+"' | cut -d '"' -f 2
	joined "$1/agent/ledger_json.c" |
		grep -oE 'put_[a-z]+\((object|&[a-z]+), "[a-z_0-9]+"' | cut -d '"' -f 2
	joined "$1/agent/ledger.c" | grep -oE '\[OFF_[A-Z]+\] = "[a-z]+"' | cut -d '"' -f 2
	joined "$1/agent/sampler_names.c" | grep -oE '\] = \{ "[a-z_]+", true' | cut -d '"' -f 2
	joined "$1/agent/sampler_names.c" | grep -oE '\[STOP_[A-Z_]+\] = \{ "[a-z_]+"' | cut -d '"' -f 2
	joined "$1/agent/report.c" | grep -oE 'add_(loss|unwind|name)\(stats, "[a-z_]+"' | cut -d '"' -f 2
}

# The words of [stack: ...].
code_notes() {
	joined "$1/agent/sampler_names.c" |
		grep -oE '\[STOP_[A-Z_]+\] = \{ "[a-z_]+", "\[stack: [^"]+"' |
		sed -E 's/.*\[stack: (.*)\]"/\1/'
}

# WHAT PAGE: two lists, of the program and of the page, that have to be the same.
compare() {
	local what=$1 page=$2 program_says=$3 page_says=$4 line failures=0
	if [[ -z $program_says ]]; then
		echo "$what: nothing found in the program: is this check still right?"
		return 1
	fi
	while IFS= read -r line; do
		echo "$page: $what missing: $line"
		failures=$((failures + 1))
	done < <(comm -23 <(sort -u <<<"$program_says") <(sort -u <<<"$page_says"))
	while IFS= read -r line; do
		echo "$page: $what unknown to the program: $line"
		failures=$((failures + 1))
	done < <(comm -13 <(sort -u <<<"$program_says") <(sort -u <<<"$page_says"))
	((failures == 0))
}

check_tree() {
	local root=$1 eprof=$2 status=0 command page
	page=$root/agent/eprof.1
	compare command "$page" "$("$eprof" --help | sed -nE 's/^  eprof ([a-z-]+).*/\1/p')" \
		"$(sed -nE 's/\\-/-/g; s/^\.B eprof ([a-z-]+)$/\1/p' "$page")" || status=1
	for command in record flamegraph diff agent doctor query; do
		page=$root/agent/eprof-$command.1
		compare "option|default" "$page" "$(help_options "$eprof" "$command")" \
			"$(page_options "$page")" || status=1
	done
	page=$root/agent/eprof-record.1
	compare "name in stats.json" "$page" "$(code_statistics "$root")" \
		"$(page_names "$page" STATISTICS)" || status=1
	compare "[stack: ...]" "$page" "$(code_notes "$root")" "$(page_names "$page" FRAMES)" || status=1
	return "$status"
}

# Each line breaks a copy of what is compared: FILE, then what sed does to it.
self_test() {
	local root=$1 eprof=$2 file script failures=0
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	mkdir "$dir/agent"
	while read -r file script; do
		cp "$root"/agent/{*.1,sampler_names.c,report.c,stats_json.c} "$dir/agent"
		cp "$root"/agent/{ledger.c,ledger_json.c} "$dir/agent"
		sed -i -e "$script" "$dir/agent/$file"
		if cmp -s "$root/agent/$file" "$dir/agent/$file"; then
			echo "changes nothing: $file $script"
		elif check_tree "$dir" "$eprof" >/dev/null; then
			echo "not caught: $file $script"
		else
			continue
		fi
		failures=$((failures + 1))
	done <<'EOF'
eprof.1 /^.B eprof flamegraph/d
eprof-record.1 /^.B .-.-idle/d
eprof-record.1 s/^.B .-.-idle/.B \\-\\-idel/
eprof-record.1 s/^.BR .-q /.BR \\-Q /
eprof-record.1 s/^.BR .-d .*/.BR \\-d ", " \\-\\-duration=\\fIMINUTES\\fR/
eprof-record.1 s/Default: 99/Default: 49/
eprof-record.1 s/Default: cpu-clock/As you like/
eprof-record.1 s/^User stacks only/Default: 1. User stacks only/
eprof-flamegraph.1 s/Default: 1200/Default: 1000/
eprof-flamegraph.1 s/countname=/counts=/
eprof-diff.1 /^.B .-.-off-cpu/d
eprof-agent.1 /^.BI .-.-max.-services/d
eprof-agent.1 s/Default: 72h/Default: 24h/
eprof-doctor.1 /^.BR .-.-json/d
eprof-query.1 /^.BI .-.-limit/d
eprof-query.1 s/Default: stdout/Default: none/
eprof-record.1 s/^.B too_deep/.B too_long/
eprof-record.1 s/^.B too deep/.B too long/
eprof-record.1 s/^.B binaries_unopened/.B binaries_closed/
sampler_names.c s/"samples_map_busy"/"samples_map_shy"/
sampler_names.c s/.stack: unreadable./[stack: illegible]/
report.c s/"process_records"/"records"/
report.c s/"debug_addresses"/"addresses"/
stats_json.c s/"distinct_stacks"/"stacks"/
stats_json.c s/add_/put_/
ledger_json.c s/"wall_ns"/"wall_us"/
ledger.c s/"stopped"/"halted"/
EOF
	((failures == 0))
}

case $# in
2) check_tree "$1" "$2" ;;
3) [[ $1 == --self-test ]] && self_test "$2" "$3" ;;
*) echo "usage: $0 ROOT EPROF | --self-test ROOT EPROF" >&2 && exit 2 ;;
esac
