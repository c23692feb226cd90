#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The block lock and the space behind it: whoever moves or releases a block waits
# for those who use it, and they for him. A slow disk makes them meet.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/slow.sh"

image=$H/disk.vhdx
SEEN=$(mktemp /dev/shm/holders.XXXXXX)

# A reader is still at it while its block is released and the space wanted by
# others. (An ext4, and any host that punches, would wait for the reader.)
released_under_reader() {
	local HOST=xfs reader dropper

	fresh "$image" no_punch
	put A 3 fsync
	put B 4 fsync
	slow 60000 0 0
	get 3 >"$SEEN" &
	reader=$!
	sleep 1
	echo "released after $SECONDS s"
	# Not by the device itself, or its inode would be locked.
	dmsetup create alias --table "0 $((SIZE / 512)) linear /dev/mapper/disk 0"
	blkdiscard -f -o $((3 * BLOCK)) -l "$BLOCK" /dev/mapper/alias &
	dropper=$!
	sleep 1
	put C 5 fsync
	put D 6 fsync
	put E 7 fsync
	echo "others written after $SECONDS s"
	kill -0 $reader
	kill -0 $dropper
	slow 0 0 0
	wait $reader
	cmp "$SEEN" <(pattern A $BLOCK)
	wait $dropper
	unmap alias
	holds '\0' 3
	holds B 4
	holds C 5
	holds D 6
	holds E 7
}

# Three blocks, and a free place below the last of them.
three_blocks() {
	put A 0 fsync
	put B 1 fsync
	put C 2 fsync
	drop 0
	committed
}

# 6.1 counts what it has begun to read, 6.12 what it has read.
bytes_read() {
	awk '{ print 512 * $3 }' "/sys/class/block/dm-$(dmsetup info -c --noheadings -o minor slow)/stat"
}

# A write begins while its block is being copied, slowly, and changes the first MiB of
# it, which has been copied when the second has been read.
written_while_moved() {
	local BLOCK=$((8 * MIB)) before i

	fresh "$image"
	three_blocks
	slow 1500 0 0
	before=$(bytes_read)
	dmsetup message disk 0 compact start pretrimmed
	for ((i = 0; i < $(patience 30) && $(bytes_read) - before < 2 * MIB; i++)); do
		sleep 0.5
	done
	[ $(($(bytes_read) - before)) -ge $((2 * MIB)) ]
	dmsetup message disk 0 compact status | grep ^running
	pattern Z 4096 | dd of=/dev/mapper/disk bs=4096 seek=$((2 * BLOCK / 4096)) \
		oflag=direct conv=notrunc status=none
	compaction_ends
	slow 0 0 0
	cmp <(get 2) <(pattern Z 4096; pattern C $((BLOCK - 4096)))
	holds B 1
}

# A block is to be moved while a write to it is still on its way. (The image is the
# disk: a file system would wait for the write before it zeroed the new place.)
moved_while_written() {
	local disk=/dev/mapper/slow writer place

	slow_down
	dmsetup create slow --table "$(slow_table 0 0 0)"
	create "$SEEN.vhdx" $SIZE --block-size="$BLOCK"
	dd if="$SEEN.vhdx" of=$disk bs=1M conv=fsync status=none
	rm "$SEEN.vhdx"
	map $disk disk $SIZE
	three_blocks
	unmap disk
	place=$("$TOOL" map --json $disk |
		jq ".extents[] | select(.data and .start + .length > 2 * $BLOCK) | .offset + 2 * $BLOCK - .start")
	map $disk disk $SIZE commit_ms 60000
	slow_writes "$place" "$BLOCK" 60000
	put Z 2 &
	writer=$!
	sleep 1
	dmsetup message disk 0 compact start pretrimmed
	sleep 2
	kill -0 $writer
	dmsetup message disk 0 compact status | grep ^running
	slow 0 0 0
	wait $writer
	compaction_ends
	holds Z 2
	holds B 1
}

# Space goes from hand to hand while its holes are being made.
reused() {
	fresh "$image"
	"$BUILT/reuse" /dev/mapper/disk 3
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$image" "$H/dump"
}

check 'a block is released under its reader' released_under_reader
check 'a block is written while it is moved' written_while_moved
check 'a block is to be moved while it is written' moved_while_written
check 'released space is punched before it is used again' reused
rm -f "$SEEN"
tap_done
