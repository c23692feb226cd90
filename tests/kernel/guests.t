#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems inside an image: thousands of files, survived and sound.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

FILES=$(long 20000 1000)
MEAN=33000	# 600 MiB of them

fill_and_check() { # TYPE DEVICE
	mkfs."$1" -q "$2"
	mount "$2" $G
	"$BUILT/files" make $G "$FILES" $MEAN
	umount $G
	mount "$2" $G
	"$BUILT/files" verify $G | tee "$H/files"
	grep -q "^$FILES files, " "$H/files"
	umount $G
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_repair -n "$2" ;;
	esac
}

guest() { # TYPE IMAGE
	map "$2" disk $((2 * GIB))
	fill_and_check "$1" /dev/mapper/disk
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$2" "$H/dump"
}

# By the tool, with a partition table: maps named as kpartx names them.
partitioned() { # IMAGE
	"$TOOL" open "$1" disk
	echo ',,L' | sfdisk -q /dev/mapper/disk
	"$TOOL" open --refresh "$1" disk
	[ "$(dmsetup info -c --noheadings -o uuid disk1)" = \
		"part1-$(dmsetup info -c --noheadings -o uuid disk)" ]
	mkfs.ext4 -q /dev/mapper/disk1
	mount /dev/mapper/disk1 $G
	echo content >$G/file
	fails "$TOOL" close disk
	umount $G
	"$TOOL" close disk
	fails test -e /dev/mapper/disk1
	"$TOOL" open --readonly "$1" disk
	mount -o ro /dev/mapper/disk1 $G
	grep -qx content $G/file
	umount $G
	"$TOOL" close disk
	sound "$1"
}

trios=(ext4:vhdx:xfs)
[ "$LENGTH" != all ] ||
	mapfile -t trios < <(dealt ext4:vhdx:ext4 ext4:vhd:xfs xfs:vhd:xfs xfs:vhdx:ext4)
for trio in "${trios[@]}"; do
	IFS=: read -r guest format host <<<"$trio"
	host_fs "$host"
	create "$H/disk.$format" 2G
	check "$guest guest in a $format on $host" guest "$guest" "$H/disk.$format"
	rm -f "$H/disk.$format" $H/dump
done
create $H/disk.vhdx 2G
check 'partitions come and go with the mapping' partitioned $H/disk.vhdx
tap_done
