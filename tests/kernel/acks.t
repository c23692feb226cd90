#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is acknowledged is true: a flush and a write with FUA are answered when
# all they promise is on the disk, and never once that cannot be had.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/slow.sh"

image=$H/disk.vhdx
F=/mnt/fuse

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

# A block of the image that a file of the guest covers from end to end: its
# number and the place in the file.
block_of() { # FILE
	filefrag -b4096 -v "$1" | awk -v per=$((BLOCK / 4096)) '
		$1 ~ /^[0-9]+:$/ {
			gsub(/[.:]/, " ")
			first = $4
			block = int((first + per - 1) / per)
			if ((block + 1) * per <= $5 + 1) {
				print block, ($2 + block * per - first) * 4096
				exit
			}
		}'
}

flushes() {
	dmsetup message disk 0 stats | grep -oE '\bflushes [0-9]+'
}

# A synchronous overwrite in the guest is a write with FUA and no flush, unless it
# flushes for other reasons.
write_with_fua() { # OFFSET-IN-FILE
	local before

	committed
	before=$(flushes)
	pattern F $BLOCK | dd of=$G/file bs=$BLOCK seek="$1" iflag=fullblock \
		oflag=direct,dsync,seek_bytes conv=notrunc status=none
	[ "$(flushes)" = "$before" ]
}

# overwritten [drop]: a block of a file in the guest, with FUA; with "drop" it has lost
# its space just before, so that there is metadata to be written too
overwritten() {
	local at tries=0 first=${1:-:}

	mkfs.ext4 -q -b 4096 /dev/mapper/disk
	mount -o noatime,noinit_itable,commit=300 /dev/mapper/disk $G
	pattern A $((8 * BLOCK)) >$G/file
	sync -f $G
	read -r block at < <(block_of $G/file)
	until "$first" "$block" && write_with_fua "$at"; do
		[ $((tries++)) -lt 10 ]
		sleep 1
	done
}

fua() {
	local block

	fresh "$image"
	overwritten drop
	after_the_cut
	holds F "$block"
}

fuse_up() {
	modprobe fuse
	mkdir -p $F $H/{lower,upper,work}
	fuse-overlayfs -o "lowerdir=$H/lower,upperdir=$H/upper,workdir=$H/work" $F
}

fuse_down() {
	! mountpoint -q $F || umount $F
	while pidof fuse-overlayfs >/dev/null; do sleep 0.1; done
}

nfs_up() {
	mkdir -p $F
	serve_nfs $H $F
}

nfs_down() {
	! mountpoint -q $F || umount $F
	! pidof rpc.mountd >/dev/null || stop_nfs
}

# FUSE takes a write that is to be durable and leaves that out; NFS has a server, whose
# disk it is.
fua_above() { # fuse|nfs
	local block

	slow_down
	slow_up ext4
	"$1_up"
	create $F/disk.vhdx $SIZE --block-size=$BLOCK
	map $F/disk.vhdx disk $SIZE commit_ms 60000
	dmsetup status disk | grep ' direct '
	overwritten
	cut_off
	take_guest_down
	"$1_down"
	slow_down
	slow_up
	"$1_up"
	"$TOOL" check $F/disk.vhdx || [ $? = 7 ]
	map $F/disk.vhdx disk $SIZE
	holds F "$block"
}

# OCFS2 leaves it out, too, where it writes through its page cache: with blocks at odd
# sectors, as QEMU has them in a VHD.
fua_on_ocfs2() {
	local block image=$H/disk.vhd

	slow_down
	slow_up ocfs2
	qemu-img create -q -f vpc -o subformat=dynamic,force_size=on "$image" $SIZE
	qemu-io -f vpc -c "write 0 $SIZE" "$image" >/dev/null
	map "$image" disk $SIZE commit_ms 60000
	overwritten
	after_the_cut
	holds F "$block"
}

# Nothing is promised any more once the disk has failed.
failed() {
	fresh "$image"
	put A 1 fsync
	put B 5
	cut_off
	fails sync -d /dev/mapper/disk
	fails sync -d /dev/mapper/disk
	mode_is ro
	fails put C 6
}

tap_check 'a flush is answered when its commit is durable' flushed
take_guest_down
tap_check 'a write with FUA is answered when its block is durable' fua
take_guest_down
tap_check 'the same under FUSE' fua_above fuse
take_guest_down
fuse_down
if [ "$LENGTH" = all ]; then
	unpack_packages
	tap_check 'the same under NFS' fua_above nfs
	take_guest_down
	nfs_down
	tap_check 'the same in the page cache of OCFS2' fua_on_ocfs2
	take_guest_down
fi
tap_check 'no flush is answered after a commit that failed' failed
tap_done
