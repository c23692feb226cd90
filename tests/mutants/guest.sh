#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh - in a guest: tests of several modules, one after the other
#
#   guest.sh NAME=VALUE... LIST
#
# Each line of LIST is a name, a module and a test. A test ends with its first
# failure. Lines "== NAME" and "== NAME ends STATUS" are around what it says.
set -euo pipefail

cd "$(dirname "$0")/../.."
while [[ $1 = *=* ]]; do
	export "${1?}"
	shift
done
export TAP_STOP=1

modprobe -a dm-mod libcrc32c loop ext4 xfs btrfs
while read -r -u 3 name module test; do
	echo "== $name"
	status=0
	insmod "$module"
	bash "$test" || status=$?
	echo "== $name ends $status"
	# What still uses it, or cannot be taken down, needs a new guest.
	rmmod dm_vhdx
	wipefs -q -a /dev/vda
done 3<"$1"
