#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The GUIDs of a VHDX tell other programs what has changed: FileWriteGuid that
# the file has, DataWriteGuid that a guest may have seen it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))
image=$H/disk.vhdx

guid() { # file|data
	"$TOOL" dump --json $image | sed -n "s/.*\"$1_write_guid\": \"\(.*\)\".*/\1/p"
}

# changes FILE? DATA? CMD...: which GUIDs are others after CMD on the device
changes() {
	local file data

	file=$(guid file)
	data=$(guid data)
	map $image disk $SIZE
	"${@:3}"
	unmap disk
	[ "$([ "$(guid file)" = "$file" ] || echo yes)" = "${1/no/}" ]
	[ "$([ "$(guid data)" = "$data" ] || echo yes)" = "${2/no/}" ]
	sound $image
}

write_blocks() { # FIRST COUNT
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M seek="$1" count="$2" oflag=direct \
		conv=notrunc status=none
}

compacted() {
	dmsetup message disk 0 compact start pretrimmed
	for _ in {1..300}; do
		dmsetup message disk 0 compact status | grep -q ^running || break
		sleep 0.1
	done
	dmsetup message disk 0 compact status
	[ "$(dmsetup message disk 0 compact status | cut -d' ' -f8)" -gt 0 ]
}

host_fs ext4
create $image $SIZE --block-size=1M
map $image disk $SIZE
write_blocks 0 8
unmap disk
check 'reading changes nothing' changes no no dd if=/dev/mapper/disk of=/dev/null bs=1M status=none
check 'a flush of nothing changes nothing' changes no no sync -d /dev/mapper/disk
check 'a discard of part of a block' changes yes yes \
	blkdiscard -o $((MIB + 65536)) -l 65536 /dev/mapper/disk
check 'zeroing part of a block' changes yes yes \
	blkdiscard -z -o $((2 * MIB)) -l 65536 /dev/mapper/disk
check 'a discard of a block' changes yes yes blkdiscard -o 0 -l $MIB /dev/mapper/disk
check 'a discard of what is zeros already' changes no no blkdiscard -o 0 -l $MIB /dev/mapper/disk
check 'a write' changes yes yes write_blocks 20 1
map $image disk $SIZE
blkdiscard -o $((3 * MIB)) -l $((2 * MIB)) /dev/mapper/disk
unmap disk
check 'moving blocks: no guest can see it' changes yes no compacted
tap_done
