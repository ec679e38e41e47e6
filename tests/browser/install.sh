#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts what package.json names into DIRECTORY/node_modules, once; nothing is fetched when it is there.
#   install.sh DIRECTORY
# Exits with 77, and says why, where there is no npm, or where npm cannot get it.
set -euo pipefail

EXIT_SKIPPED=77
FETCH_TIMEOUT_MS=60000

skip() {
	echo "skipped: $*"
	exit $EXIT_SKIPPED
}

(($# == 1)) || {
	echo "usage: $0 DIRECTORY" >&2
	exit 2
}
manifest=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/package.json
mkdir -p "$1"
cd "$1"
# The copy is made last: what was broken off is begun again.
if [[ -d node_modules/playwright-core ]] && cmp -s "$manifest" installed.json; then
	exit 0
fi
command -v npm >/dev/null || skip "npm is not installed"
rm -rf node_modules installed.json
cp "$manifest" package.json
npm install --no-audit --no-fund --no-package-lock --ignore-scripts \
	--fetch-retries=1 --fetch-timeout=$FETCH_TIMEOUT_MS </dev/null ||
	skip "npm could not install $(grep -o '"playwright-core.*"' package.json)"
cp package.json installed.json
