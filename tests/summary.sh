# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Sourced by the test runners: counts, and the one line that every suite ends with.

passed=0 failed=0 skipped=0

pass() {
	passed=$((passed + 1))
	echo "  PASS  $*"
}

fail() {
	failed=$((failed + 1))
	echo "  FAIL  $*"
}

skip() {
	skipped=$((skipped + 1))
	echo "  SKIP  $*"
}

# Ends a suite: the summary line, and success only if something ran and nothing failed.
finish() {
	if [ $((passed + failed + skipped)) -eq 0 ]; then
		fail "nothing was run"
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}
