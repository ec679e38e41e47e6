#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files of at most 500 lines, C functions of at most 70 (from the opening brace to the closing one).
#   check_size.sh ROOT | --self-test
set -euo pipefail

FILE_LINES_MAX=500
FUNCTION_LINES_MAX=70

check_tree() {
	find "$1" \( -name .git -o -path "$1/build" -o -path "$1/tests/*/corpus" \) -prune -o -type f \
		\( -name '*.[ch]' -o -name '*.cpp' -o -name '*.js' -o -name '*.mjs' -o -name '*.css' \
		-o -name '*.py' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
		-o -path "$1/dev" \) -print0 |
		xargs -0 -r awk -v file_max=$FILE_LINES_MAX -v function_max=$FUNCTION_LINES_MAX '
			FNR == file_max + 1 {
				print FILENAME ": more than " file_max " lines: split it by meaning"
				bad = 1
			}
			FNR == 1 { start = 0 }
			FILENAME !~ /\.[ch]$/ { next }
			/^\{/ { start = FNR }
			/^\}/ && start {
				if (FNR - start - 1 > function_max) {
					print FILENAME ":" start ": function of " FNR - start - 1 " lines"
					bad = 1
				}
				start = 0
			}
			END { exit bad }'
}

# Lines of a file with one function of the given length, between its braces.
function_of() {
	printf 'int f(void)\n{\n'
	yes '	g();' | head -n "$1"
	printf '}\n'
}

expect() {
	local want=$1 what=$2 got=accepted
	check_tree "$dir" >/dev/null || got=refused
	[[ $got == "$want" ]] && return
	echo "$what: $got, not $want"
	return 1
}

self_test() {
	set +o pipefail # yes(1) ends by SIGPIPE
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	function_of $FUNCTION_LINES_MAX >"$dir/a.c"
	expect accepted "a function of $FUNCTION_LINES_MAX lines"
	function_of $((FUNCTION_LINES_MAX + 1)) >"$dir/a.c"
	expect refused "a longer function"
	yes '//' | head -n $FILE_LINES_MAX >"$dir/a.c"
	expect accepted "a file of $FILE_LINES_MAX lines"
	yes '//' | head -n $((FILE_LINES_MAX + 1)) >"$dir/a.c"
	expect refused "a longer file"
}

case ${1:-} in
--self-test) self_test ;;
'') echo "usage: $0 ROOT | --self-test" >&2 && exit 2 ;;
*) check_tree "$1" ;;
esac
