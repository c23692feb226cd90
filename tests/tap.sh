# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The Test Anything Protocol for shell scripts. Sourced, never run.

tap_count=0
tap_failures=0

# tap_check NAME CMD...: one test, which CMD passes by its exit status. CMD runs
# under set -e in a process of its own; its output is shown when it fails. With
# TAP_STOP set a failure is the end of the script.
tap_check() {
	local name=$1 output status=0 started=$SECONDS
	shift
	tap_count=$((tap_count + 1))
	output=$(mktemp)
	tap_run "$@" >"$output" 2>&1 &
	wait $! || status=$?
	if [ "$status" = 0 ]; then
		echo "ok $tap_count - $name ($((SECONDS - started)) s)"
	else
		echo "not ok $tap_count - $name"
		echo "# status $status"
		sed 's/^/# /' "$output"
		tap_failures=$((tap_failures + 1))
	fi
	rm -f "$output"
	[ "$status" = 0 ] || [ -z "${TAP_STOP:-}" ] || exit 1
}

# Bash ignores set -e inside anything that an if or || looks at: hence a process.
tap_run() {
	set -e
	"$@"
}

# tap_skip NAME REASON: a test that could not run here.
tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_done: the plan; fails if a test failed.
tap_done() {
	echo "1..$tap_count"
	[ "$tap_failures" = 0 ]
}
