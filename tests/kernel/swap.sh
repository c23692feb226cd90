#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# swap.sh - a small guest swaps onto a mapping: nothing hangs, nothing is lost
#
# In a guest of its own with little memory and a second disk, see "run". The image
# lies on that disk: on a file system swapping is not promised, see "Known limits" in
# Documentation/dm-vhdx.rst.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((1536 * MIB))
MEMORY=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)

pages_swapped_out() { awk '$1 == "pswpout" { print $2 }' /proc/vmstat; }

# Half of what is there, at least, goes out and comes back. The commands that look at
# the mapping get their answer meanwhile.
swap_onto() { # DEVICE
	local before out hog

	mkswap -q "$1"
	swapon --discard "$1"
	before=$(pages_swapped_out)
	"$BUILT/hog" $((MEMORY * 5 / 4)) "$(long 3 1)" &
	hog=$!
	while kill -0 $hog 2>/dev/null; do
		dmsetup status "$1" >/dev/null
		sleep 1
	done
	wait $hog
	out=$(($(pages_swapped_out) - before))
	echo "$out pages swapped out, $MEMORY MiB of memory" | tee /run/swapped
	[ $out -ge $((MEMORY * 128)) ]
	swapoff "$1"
}

swapped() { # IMAGE
	map "$1" disk $SIZE
	swap_onto /dev/mapper/disk
	mode_is rw
	unmap disk
	sound "$1"
}

# on_disk FORMAT: a new image right on /dev/vdb. A VHD has its footer at the very end.
on_disk() {
	local image=$H/disk.$1

	create "$image" $SIZE
	blkdiscard -f /dev/vdb 2>/dev/null
	dd if="$image" of=/dev/vdb bs=1M conv=fsync,sparse status=none
	[ "$1" = vhdx ] || tail -c 512 "$image" |
		dd of=/dev/vdb seek=$(($(blockdev --getsz /dev/vdb) - 1)) conv=fsync status=none
	rm "$image"
}

# Should something hang, all that hangs is shown.
sysctl -q kernel.hung_task_warnings=100
host_fs ext4
for format in vhdx vhd; do
	on_disk $format
	check "swapping onto a $format" swapped /dev/vdb
	sed 's/^/# /' /run/swapped
done
tap_done
