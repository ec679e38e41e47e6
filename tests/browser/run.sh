#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one file of tests in node, which starts Chromium; exits with 77 where one of them is missing.
#   run.sh FILE
# EPROF_NODE_MODULES is what install.sh filled, EPROF_BINARY the program that draws.
set -euo pipefail

EXIT_SKIPPED=77

skip() {
	echo "skipped: $*"
	exit $EXIT_SKIPPED
}

command -v node >/dev/null || skip "nodejs is not installed"
command -v chromium >/dev/null || skip "chromium is not installed"
[[ -d ${EPROF_NODE_MODULES:?}/playwright-core ]] || skip "playwright-core is not installed"
EPROF_CHROMIUM=$(command -v chromium)
export EPROF_CHROMIUM
exec node --test --test-reporter=tap "$1"
