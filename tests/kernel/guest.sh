#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh - run tests in this guest, one after the other
#
#   guest.sh [NAME=VALUE...] MODULE TEST...
set -euo pipefail

cd "$(dirname "$0")/../.."
while [[ $1 = *=* ]]; do
	export "${1?}"
	shift
done
export MODULE=$1
shift

modprobe -a dm-mod libcrc32c loop ext4 xfs
modprobe -q btrfs || : # the debug kernel has none
for dependency in $(modinfo -F depends "$MODULE" | tr , ' '); do
	modprobe "$dependency"
done
insmod "$MODULE"

bad=0
for test in "$@"; do
	echo "# $(basename "$test")"
	started=$SECONDS status=0
	bash "$test" || status=$?
	if [ "$status" != 0 ]; then
		echo "not ok - $(basename "$test") ended with status $status"
		bad=1
	fi
	echo "# $(basename "$test"): $((SECONDS - started)) s"
done

# The debug kernel looks for memory that nobody points to, twice: the first scan
# only marks what may just be on its way.
leaks=/sys/kernel/debug/kmemleak
no_leaks() { # WHEN
	[ -w $leaks ] || return 0
	echo scan >$leaks
	sleep 6 # younger objects do not count
	echo scan >$leaks
	if grep -q . $leaks; then
		echo "not ok - memory is lost, $1"
		sed 's/^/# /' $leaks
		bad=1
	else
		echo "ok - no memory is lost, $1"
	fi
}

no_leaks 'the module loaded'
if ! rmmod dm_vhdx; then
	echo "not ok - the module cannot be removed"
	bad=1
fi
no_leaks 'the module removed'
exit $bad
