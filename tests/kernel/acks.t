#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is acknowledged is true: a flush is answered when all that it promises is
# on the disk.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/slow.sh"

image=$H/disk.vhdx

after_the_cut() {
	cut_off
	take_guest_down
	slow_down
	slow_up
	"$TOOL" check "$image" || [ $? = 7 ]
	map "$image" disk $SIZE
}

# The disk is gone the moment that a slow flush is answered.
flushed() {
	fresh "$image"
	put A 1 fsync
	slow 0 0 1000
	put B 5
	sync -d /dev/mapper/disk
	after_the_cut
	holds A 1
	holds B 5
}

tap_check 'a flush is answered when its commit is durable' flushed
tap_done
