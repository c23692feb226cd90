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
module=$1
shift

modprobe -a dm-mod libcrc32c loop ext4 xfs btrfs
for dependency in $(modinfo -F depends "$module" | tr , ' '); do
	modprobe "$dependency"
done
insmod "$module"

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

if ! rmmod dm_vhdx; then
	echo "not ok - the module cannot be removed"
	bad=1
fi
exit $bad
