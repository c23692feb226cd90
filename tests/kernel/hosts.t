#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks that misbehave: from some moment on they take no writes, or take them and
# forget them, or fail for a while again and again, or are slow. What had been
# flushed by then is there when they are well again.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/busy.sh"

SIZE=$((64 * MIB))
STATE=$(mktemp /dev/shm/hosts.XXXXXX)

# ---- disks ---------------------------------------------------------------------

# disk_is TARGET...: what "flaky" is from now on
disk_is() {
	local table

	table="0 $(blockdev --getsz /dev/vda) $*"
	if dmsetup info flaky >/dev/null 2>&1; then
		dmsetup suspend --nolockfs --noflush flaky
		dmsetup load flaky --table "$table"
		dmsetup resume flaky
	else
		dmsetup create flaky --table "$table"
	fi
}

good() { disk_is linear /dev/vda 0; }
lying() { disk_is flakey /dev/vda 0 0 3600 1 drop_writes; }
failing() { disk_is flakey /dev/vda 0 0 3600 1 error_writes; }

# On the disk itself, or in a file system on it.
flaky_up() { # IMAGE
	good
	case $1 in
	$H/*) mount /dev/mapper/flaky $H ;;
	esac
}

flaky_down() {
	! mountpoint -q $H || umount $H
	! dmsetup info flaky >/dev/null 2>&1 || unmap flaky
}

flaky_image() { # IMAGE
	flaky_up_new "$1"
	case $1 in
	/dev/*)
		create /dev/shm/disk.vhdx $SIZE --block-size=1M
		dd if=/dev/shm/disk.vhdx of="$1" bs=1M conv=fsync status=none
		rm /dev/shm/disk.vhdx
		;;
	*) create "$1" $SIZE --block-size=1M ;;
	esac
	flaky_down
}

flaky_up_new() { # IMAGE
	flaky_down
	rm -f "$STATE"
	blkdiscard -f /dev/vda
	[ "${1#"$H"}" = "$1" ] || mkfs.ext4 -q -F /dev/vda
	flaky_up "$1"
}

# What was flushed is there when the disk is well again.
flushed_is_there() { # IMAGE STATE
	flaky_up "$1"
	"$TOOL" check "$1" || [ $? = 7 ]
	map "$1" disk $SIZE
	"$BUILT/power" verify /dev/mapper/disk "$2"
	unmap disk
	flaky_down
}

# From some moment on nothing can be written; all can still be read.
writes_fail() { # IMAGE NUMBER
	local writer

	flaky_up "$1"
	map "$1" disk $SIZE commit_ms 20
	"$BUILT/power" write /dev/mapper/disk "$STATE" "$2" &
	writer=$!
	sleep 2
	dmsetup message disk 0 compact start pretrimmed
	sleep 0.$(($2 * 37 % 100))
	failing
	wait $writer
	dmsetup status disk
	good
	unmap disk
	flaky_down
	flushed_is_there "$1" "$STATE"
}

# From some moment on the disk takes writes and flushes, and forgets them.
writes_are_dropped() { # IMAGE NUMBER
	local writer

	flaky_up "$1"
	map "$1" disk $SIZE commit_ms 20
	"$BUILT/power" write /dev/mapper/disk "$STATE" "$2" &
	writer=$!
	sleep 2
	dmsetup message disk 0 compact start pretrimmed
	sleep 0.$(($2 * 37 % 100))
	kill -STOP $writer
	sleep 0.5
	cp "$STATE" "$STATE.then"
	lying
	kill -CONT $writer
	sleep 1
	kill $writer
	! wait $writer || return 1
	unmap disk
	flaky_down
	mv "$STATE.then" "$STATE"
	flushed_is_there "$1" "$STATE"
}

# Again and again, for a second, while the image goes on being used.
windows() { # IMAGE
	local i writer

	flaky_up "$1"
	map "$1" disk $SIZE commit_ms 20
	for i in 1 2 3; do
		"$BUILT/power" write /dev/mapper/disk "$STATE" "$i" &
		writer=$!
		sleep 1.$((i * 31 % 100))
		failing
		wait $writer
		good
		# What failed stays failed until there is a new table.
		mode_is rw || fails dd if=/dev/zero of=/dev/mapper/disk bs=4k count=1 \
			oflag=direct status=none
		unmap disk
		map "$1" disk $SIZE commit_ms 20
		"$BUILT/power" verify /dev/mapper/disk "$STATE"
	done
	unmap disk
	flaky_down
	flushed_is_there "$1" "$STATE"
}

slow() { # IMAGE
	local trimmer

	flaky_up "$1"
	disk_is delay /dev/vda 0 5 /dev/vda 0 40
	map "$1" disk $SIZE
	touch /dev/shm/trimming
	trims_while /dev/shm/trimming &
	trimmer=$!
	dmsetup message disk 0 compact start pretrimmed
	fio_on "$(long 8 4)"
	dmsetup message disk 0 compact start pretrimmed
	rm /dev/shm/trimming
	wait $trimmer
	mode_is rw
	intact "$1"
	flaky_down
}

# ---- all of it ------------------------------------------------------------------

if ! modprobe -qa dm-flakey dm-delay; then
	tap_skip 'disks that misbehave' 'this kernel lacks dm-flakey or dm-delay'
	tap_done
	exit
fi
for image in /dev/mapper/flaky $H/disk.vhdx; do
	where=${image##*/}
	for trouble in writes_fail writes_are_dropped; do
		flaky_image "$image"
		for number in 1 $([ "$where" != flaky ] || echo 2); do
			check "$where: ${trouble//_/ }, $number" $trouble "$image" "$number"
			flaky_down
		done
	done
	flaky_image "$image"
	check "$where: a slow disk" slow "$image"
	flaky_down
done
# A file system would stay read-only.
flaky_image /dev/mapper/flaky
check 'flaky: windows of failing writes' windows /dev/mapper/flaky
flaky_down
rm -f "$STATE"
tap_done
