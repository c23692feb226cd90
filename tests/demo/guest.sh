#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh - the demo itself: for each kind of image, map it, fill a file system
# on it, delete most, trim, compact while it is mounted, and show that nothing
# was lost
#
#   guest.sh MODULE
set -euo pipefail
. "$(dirname "$0")/../kernel/lib.sh"

SIZE=$((8 * GIB))
FILES=5000 MEAN=215000	# 1 GiB

modprobe -a dm-mod libcrc32c ext4
insmod "$1"
host_fs ext4

# Guest bytes used, file length, host bytes allocated.
row() { # STEP IMAGE
	local used=-

	sync "$2"
	! mountpoint -q $G || used=$(df -B1 --output=used $G | tail -n 1)
	printf '  %-42s %13s %13s %13s %6s\n' "$1" "$used" "$(file_bytes "$2")" \
		"$(allocated_bytes "$2")" $((SECONDS - begun))
}

# Keep one folder in ten, wherever it lies.
delete_most() {
	find $G -mindepth 1 -maxdepth 1 -name '*[1-9]' -exec rm -r {} +
	sync -f $G
}

hashes() {
	(cd $G && find . -type f -print0 | sort -z | xargs -0 b2sum)
}

demo() { # TITLE IMAGE CREATE-OPTIONS...
	local title=$1 image=$2 begun

	shift 2
	begun=$SECONDS
	printf '\n%s\n  %-42s %13s %13s %13s %6s\n' "$title" step 'guest used' \
		'file length' 'host allocated' seconds
	"$TOOL" create --size=$SIZE "$@" "$image"
	row created "$image"
	map "$image" demo $SIZE
	echo 'start=1MiB, type=L' | sfdisk -q --no-tell-kernel /dev/mapper/demo
	kpartx -a /dev/mapper/demo
	mkfs.ext4 -q /dev/mapper/demo1
	mount /dev/mapper/demo1 $G
	row 'mapped, partitioned, mkfs.ext4' "$image"
	"$BUILT/files" make $G $FILES $MEAN
	sync -f $G
	row "$FILES files written" "$image"
	delete_most
	hashes >/root/before
	row 'nine in ten of them deleted' "$image"
	fstrim $G
	dmsetup message demo 0 commit
	row fstrim "$image"
	"$TOOL" compact --mode=quick demo </dev/null >/root/compact 2>&1
	row 'compact --mode=quick, mounted read-write' "$image"
	echo 3 >/proc/sys/vm/drop_caches
	hashes | cmp - /root/before
	printf '  %s files have the hashes they had\n' "$(wc -l </root/before)"
	umount $G
	dump /dev/mapper/demo $H/device
	kpartx -d /dev/mapper/demo
	unmap demo
	row unmapped "$image"
	sound "$image" >/dev/null
	others_agree "$image"
	rm -f "$image" $H/device $H/converted
}

others_agree() { # IMAGE
	case $1 in
	*.vhdx)
		qemu-img check -f vhdx "$1" | sed 's/^/  qemu-img check: /'
		qemu-img convert -f vhdx -O raw "$1" $H/converted
		;;
	*.vhd)
		vhdiinfo "$1" | sed -n 's/^\tMedia size[\t :]*/  vhdiinfo: media size /p'
		qemu-img convert -f vpc -O raw "$1" $H/converted
		;;
	esac
	qemu-img compare -f raw -F raw $H/device $H/converted |
		sed 's/^/  qemu-img convert and the device: /'
}

printf 'Linux %s, images of 8 GiB on ext4, bytes\n' "$(uname -r)"
demo 'VHDX, dynamic, blocks of 32 MiB' $H/demo.vhdx --block-size=32M
demo 'VHDX, dynamic, blocks of 1 MiB' $H/demo.vhdx --block-size=1M
demo 'VHD, dynamic, blocks of 2 MiB' $H/demo.vhd --format=vhd
rmmod dm_vhdx
printf '\nNothing was lost.\n'
