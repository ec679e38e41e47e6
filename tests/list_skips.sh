#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a run of ctest has left out of tests that ran, and why others did not: ctest itself has only the
# names of the latter. ctest calls this when all tests have ended (CTestCustom.cmake).
#   list_skips.sh BUILD_DIRECTORY | --self-test
set -euo pipefail

# From ctest's log: cmocka says "[  SKIPPED ] NAME", twice, and unittest "NAME ... skipped 'REASON'",
# where NAME and the first line of its comment, if it has one, are lines of their own; node says
# "ok 1 - NAME # SKIP REASON". Tests that are skipped as a whole say "skipped: REASON".
list() {
	awk '
		/^[0-9]+\/[0-9]+ Testing: / { test = $3; next }
		/^test_[^ ]* \(.*\)/ { name = $1 }
		/ \.\.\. skipped / || /^skipped / {
			reason = $0
			sub(/^.*(\.\.\. )?skipped ["\047]?/, "", reason)
			sub(/["\047]$/, "", reason)
			if (name != "")
				note(name ": " reason)
		}
		/^\[  SKIPPED \] [a-z_0-9]+$/ { note($4) }
		/^ *ok [0-9]+ - .* # SKIP/ {
			sub(/^ *ok [0-9]+ - /, "")
			sub(/ # SKIP ?/, ": ")
			note($0)
		}
		/^skipped: / { note("all of it: " substr($0, 10)) }
		function note(what) {
			if (!seen[test, what]++)
				skips[++count] = "\t" test ", " what
		}
		END {
			if (count)
				print "\nThe following parts of tests were skipped:"
			for (i = 1; i <= count; i++)
				print skips[i]
		}' "$1"
}

self_test() {
	local expected found
	expected=$'\nThe following parts of tests were skipped:\n'
	expected+=$'\tkernel/a, test_one: node is not installed\n'
	expected+=$'\tkernel/a, test_three: it\'s old\n\tunit/b, a_file_is_read\n'
	expected+=$'\tbrowser/c, a click zooms: not today\n\tbrowser/d, all of it: npm is missing'
	found=$(
		list - <<'EOF'
1/4 Testing: kernel/a
test_one (__main__.A.test_one) ... skipped 'node is not installed'
test_two (__main__.A.test_two) ... ok
test_three (__main__.A.test_three)
What it is about. ... skipped "it's old"
2/4 Testing: unit/b
[  SKIPPED ] a_file_is_read
[       OK ] another
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] a_file_is_read
3/4 Testing: browser/c
ok 1 - a key resets
ok 2 - a click zooms # SKIP not today
4/4 Testing: browser/d
skipped: npm is missing
EOF
	)
	[[ $found == "$expected" ]] || {
		printf 'list_skips.sh: found:\n%s\ninstead of:\n%s\n' "$found" "$expected" >&2
		exit 1
	}
	[[ -z $(list /dev/null) ]]
}

case ${1:-} in
--self-test) self_test ;;
'') echo "usage: $0 BUILD_DIRECTORY | --self-test" >&2 && exit 2 ;;
*)
	# The log of the run that is not over yet; there is none when tests are only listed.
	log=$1/Testing/Temporary/LastTest.log.tmp
	[[ ! -r $log ]] || list "$log"
	;;
esac
