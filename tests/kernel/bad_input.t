#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whatever is handed in: one line that names what is wrong, the right exit code,
# nothing changed, and no complaint of the kernel (which ends the whole run).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))

not_files() {
	local status=0

	fails map $H bad $SIZE
	fails map $H/missing bad $SIZE
	fails_with "$H" "$TOOL" open $H bad
	fails_with missing "$TOOL" open $H/missing bad
	"$TOOL" open $H/missing bad || status=$?
	[ "$status" = 4 ]
	mkfifo $H/fifo
	fails timeout "$(patience 10)" "$TOOL" open $H/fifo bad
	# Opening a FIFO for its reader's sake would wait for ever.
	(fails timeout -s KILL "$(patience 20)" dmsetup create bad --table "0 8 vhdx $H/fifo 0")
	fails map /dev/zero bad $SIZE
}

# Table lines that nobody should write.
table_lines() {
	local line

	create "$image" "$SIZE"
	for line in "0 8 vhdx" "0 8 vhdx $image" "0 8 vhdx $image 1" "0 8 vhdx $image 1 nonsense" \
		"0 8 vhdx $image 2 commit_ms x" "0 8 vhdx $image 2 commit_ms" \
		"0 999999999999 vhdx $image 0" "0 8 vhdx fd:99999 0" "0 8 vhdx fd:x 0" \
		"0 8 vhdx $image 2 read_only" "8 8 vhdx $image 0" "0 8 vhdx $image 2 parent $image"; do
		fails dmsetup create bad --table "$line"
		fails dmsetup info bad
	done
	sound "$image"
}

# An image there can only be read, and is the one below; a device may be named there.
on_overlay() { # LAYER
	local over=$H/over/merged below=$H/over/$1/disk.vhdx node

	rm -rf $H/over
	mkdir -p $H/over/{lower,upper,work,merged}
	create "$below" "$SIZE"
	map "$below" disk "$SIZE"
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=20 oflag=direct conv=fsync status=none
	dump /dev/mapper/disk $H/dump
	unmap disk
	mount -t overlay -o "lowerdir=$H/over/lower,upperdir=$H/over/upper,workdir=$H/over/work" \
		overlay "$over"
	told 'lies on an overlay' map "$over/disk.vhdx" disk "$SIZE"
	(exec 8<"$over/disk.vhdx" && told 'lies on an overlay' map fd:8 disk "$SIZE")
	fails_with 'lies on an overlay' "$TOOL" open "$over/disk.vhdx" disk
	[ "$1" = upper ] || [ ! -e $H/over/upper/disk.vhdx ]
	map "$over/disk.vhdx" disk "$SIZE" --readonly read_only
	cmp /dev/mapper/disk $H/dump
	told 'mapped by another device' map "$below" other "$SIZE"
	unmap disk
	"$TOOL" open --readonly "$over/disk.vhdx" disk
	cmp /dev/mapper/disk $H/dump
	"$TOOL" close disk
	node=$(losetup -f --show "$below")
	cp -a "$node" "$over/node"
	map "$over/node" disk "$SIZE"
	cmp /dev/mapper/disk $H/dump
	unmap disk
	losetup -d "$node"
	umount "$over"
}

images_refused() {
	"$BUILT/refuse" "$BUILT/images" $H "$(long 1 2 10)" >$H/refused
}

host_fs ext4
check 'directories, FIFOs, devices and nothing at all' not_files
image=$H/sound.vhdx
check 'table lines with mistakes' table_lines
for layer in $(long 'upper lower' "$(dealt upper lower)"); do
	check "an image on an overlay, in its $layer layer" on_overlay "$layer"
done

tap_check 'broken images by name' images_refused
cat $H/refused
check 'nothing of them is mapped' fails dmsetup info bad
tap_done
