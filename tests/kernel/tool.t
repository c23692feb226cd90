#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The verbs of the tool that need the module: open, close, status, list and
# compact of what is mapped, without udev and with it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

IMAGE=$H/disk.vhdx

# json EXPRESSION FILE: what jq finds in the document is true
json() {
	jq -e ".schema == 1 and ($1)" "$2" >/dev/null && return
	echo "$1"
	cat "$2"
	return 1
}

# refuses CODE TEXT CMD...: CMD ends with CODE, and says TEXT in exactly one line
refuses() {
	local code=$1 text=$2 status=0
	shift 2
	"$@" >/dev/null 2>"$H/err" || status=$?
	cat "$H/err"
	[ "$status" = "$code" ]
	grep -qF -- "$text" "$H/err"
	[ "$(wc -l <"$H/err")" = 1 ]
}

# Two partitions, one with ext4 mounted, one with xfs not mounted
set_up() { # NAME-OF-MAPPING
	rm -f $IMAGE $H/other.vhdx
	"$TOOL" create --size=2G --block-size=1M $IMAGE
	"$TOOL" open $IMAGE "$1"
	printf 'size=1G\nsize=400M\n' | sfdisk -q --label gpt "/dev/mapper/$1"
	"$TOOL" open --refresh "$1"
}

take_apart() { # NAME-OF-MAPPING
	! mountpoint -q $G || umount $G
	"$TOOL" close "$1"
	[ -z "$(maps_of linear)" ]
	[ ! -e "/dev/mapper/$1" ]
	sound $IMAGE
}

named_as_kpartx_does() {
	local name part

	for name in disk disk7; do
		case $name in *7) part=${name}p ;; *) part=$name ;; esac
		set_up $name
		[ -b /dev/mapper/${part}1 ]
		[ -b /dev/mapper/${part}2 ]
		[ "$(blockdev --getsize64 /dev/mapper/${part}2)" = $((400 * MIB)) ]
		[ "$(kpartx -l /dev/mapper/$name | awk '{ print $1 }')" = \
			"$(printf '%s\n' ${part}1 ${part}2)" ]
		# One goes, one grows.
		printf 'size=1500M\n' | sfdisk -q --no-reread --force --label gpt /dev/mapper/$name
		"$TOOL" open --refresh $IMAGE $name
		[ ! -e /dev/mapper/${part}2 ]
		[ "$(blockdev --getsize64 /dev/mapper/${part}1)" = $((1500 * MIB)) ]
		take_apart $name
	done
}

shows_what_is_there() {
	set_up disk
	"$TOOL" status disk >"$H/text"
	grep -qx '/dev/mapper/disk is active.' "$H/text"
	mkfs.ext4 -q /dev/mapper/disk1
	mount /dev/mapper/disk1 $G
	"$TOOL" status disk >"$H/text"
	grep -qx '/dev/mapper/disk is active and is in use.' "$H/text"
	"$TOOL" status --json disk >"$H/json"
	json ".image == \"$IMAGE\" and .mode == \"rw\" and .virtual_bytes == $((2 * GIB))" "$H/json"
	json ".uuid == \"$(dmsetup info -c --noheadings -o uuid disk)\"" "$H/json"
	json '[.partitions[] | .name, .in_use] == ["disk1", true, "disk2", false]' "$H/json"
	"$TOOL" list --json >"$H/json"
	json "[.mappings[] | .name, .image, .in_use] == [\"disk\", \"$IMAGE\", true]" "$H/json"
	"$TOOL" list >"$H/text"
	grep -qE "^disk +rw .* $IMAGE$" "$H/text"
	refuses 5 "/dev/mapper/disk1 is in use" "$TOOL" close disk
	refuses 5 "in use by the mapping disk;" "$TOOL" open $IMAGE other
	refuses 5 "in use by the mapping disk;" "$TOOL" check $IMAGE
	refuses 5 "in use by the mapping disk;" \
		setpriv --reuid=65534 --clear-groups "$TOOL" check $IMAGE
	refuses 4 "no such mapping" "$TOOL" status other
	refuses 4 "no such mapping" "$TOOL" close other
	refuses 4 "not a mapping of an image" "$TOOL" status disk1
	take_apart disk
	refuses 4 "no such mapping" "$TOOL" status disk
	"$TOOL" create --size=4M "$H/other.vhdx"
	"$TOOL" open $IMAGE disk
	refuses 5 "a mapping of this name exists" "$TOOL" open "$H/other.vhdx" disk
	refuses 4 "is not the image of disk" "$TOOL" open --refresh "$H/other.vhdx" disk
	take_apart disk
}

with_options() {
	set_up disk
	take_apart disk
	"$TOOL" open --no-partitions --no-discard $IMAGE disk
	[ -z "$(maps_of linear)" ]
	[ "$(queue_limit disk discard_max_bytes)" = 0 ]
	take_apart disk
	"$TOOL" open -r $IMAGE disk
	[ "$(blockdev --getro /dev/mapper/disk)" = 1 ]
	[ "$(blockdev --getro /dev/mapper/disk1)" = 1 ]
	refuses 1 "(32775, invalid state)" "$TOOL" compact disk
	take_apart disk
}

deferred() {
	set_up disk
	mkfs.ext4 -q /dev/mapper/disk1
	mount /dev/mapper/disk1 $G
	"$TOOL" close --deferred disk
	[ -b /dev/mapper/disk1 ]
	umount $G
	for _ in {1..50}; do
		[ -n "$(maps_of vhdx)$(maps_of linear)" ] || break
		sleep 0.1
	done
	[ -z "$(maps_of vhdx)$(maps_of linear)" ]
	sound $IMAGE
}

# fill: files on both file systems, most of them deleted again; the second one
# is not mounted afterwards
fill() {
	local number

	mkfs.xfs -q /dev/mapper/disk2
	mkfs.ext4 -q /dev/mapper/disk1
	for number in 2 1; do
		mount /dev/mapper/disk$number $G
		"$BUILT/files" make $G 40 2000000
		sync -f $G
		find $G -type f | awk 'NR % 4' | xargs rm
		[ $number = 1 ] || umount $G
	done
}

# compact is told of a mapping by its name, its device or its image
modes() {
	set_up disk
	fill
	"$TOOL" compact --mode=retrim --json disk >"$H/json"
	json '.return_value == 0 and .mode_used == "retrim"' "$H/json"
	json '.before.length > 0 and .before.length == .after.length' "$H/json"
	json ".after.allocated > 0 and .after.allocated < .before.allocated - $((30 * MIB))" "$H/json"
	json '[.filesystems[] | .partition, .type, .trimmed] == [1, "ext4", true, 2, "xfs", false]' "$H/json"
	json '.filesystems[1].why_not == "it is not mounted"' "$H/json"
	# A mount on top of it must not be asked in its place.
	mount -t tmpfs tmpfs $G
	"$TOOL" compact --mode=retrim --json disk >"$H/json" || [ $? = 1 ]
	json '.return_value == 32775 and (.filesystems[0].why_not | contains("covers it"))' "$H/json"
	mkdir "$G/again"
	mount /dev/mapper/disk1 "$G/again"
	"$TOOL" compact --mode=retrim --json disk >"$H/json"
	json ".filesystems[0] | .mount_point == \"$G/again\" and .trimmed" "$H/json"
	umount "$G/again"
	umount $G
	"$TOOL" compact --mode=pretrimmed --json /dev/mapper/disk >"$H/json"
	json '.mapping == "disk" and .mode_used == "pretrimmed" and .filesystems == []' "$H/json"
	json ".after.length > 0 and .after.length < .before.length - $((30 * MIB))" "$H/json"
	umount $G
	mount /dev/mapper/disk2 $G
	"$TOOL" compact $IMAGE >"$H/text"
	cat "$H/text"
	grep -q "quick completed (0)" "$H/text"
	grep -q "^  partition 1 (ext4): not asked: it is not mounted$" "$H/text"
	grep -q "^  partition 2 (xfs) on $G: trimmed " "$H/text"
	"$BUILT/files" verify $G
	umount $G
	"$TOOL" compact --json disk >"$H/json"
	json '.mode == "quick" and .mode_used == "pretrimmed"' "$H/json"
	refuses 1 "(32775, invalid state)" "$TOOL" compact --mode=retrim disk
	dmsetup suspend disk
	refuses 1 "is suspended; resume it first" timeout 20 "$TOOL" compact disk
	dmsetup resume disk
	refuses 4 "(32770, not supported)" "$TOOL" compact --mode=full disk
	chmod 666 $IMAGE
	refuses 5 "(32774, in use)" setpriv --reuid=65534 --clear-groups "$TOOL" compact $IMAGE
	e2fsck -fn /dev/mapper/disk1
	take_apart disk
	qemu-img check -q $IMAGE
}

# Asked to stop, it stops; run again, it ends.
stops() {
	local pid status=0

	set_up disk
	fill
	"$TOOL" compact --progress-json disk >"$H/text" 2>"$H/progress" &
	pid=$!
	until grep -q packing "$H/progress"; do sleep 0.01; [ -e /proc/$pid ] || break; done
	kill -INT $pid || :
	wait $pid || status=$?
	cat "$H/progress" "$H/text"
	[ $status = 0 ] || { [ $status = 1 ] && grep -q "stopped on request" "$H/progress"; }
	"$BUILT/files" verify $G
	"$TOOL" compact disk
	"$BUILT/files" verify $G
	[ "$(dmsetup message disk 0 'compact status' | cut -d ' ' -f 1)" = "done" ]
	umount $G
	e2fsck -fn /dev/mapper/disk1
	take_apart disk
	qemu-img check -q $IMAGE
}

on_a_block_device() {
	local loop

	truncate -s 300M "$H/backing"
	loop=$(losetup --show -f "$H/backing")
	"$TOOL" create --size=64M --block-size=1M "$H/small.vhdx"
	dd if="$H/small.vhdx" of="$loop" bs=1M status=none
	"$TOOL" check "$loop" || [ $? = 7 ]
	"$TOOL" open "$loop" disk
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=20 oflag=direct status=none
	refuses 5 "in use" "$TOOL" open "$loop" other
	blkdiscard --length 10M /dev/mapper/disk
	sha256sum </dev/mapper/disk >"$H/sum"
	"$TOOL" compact --mode=pretrimmed disk
	"$TOOL" close disk
	"$TOOL" read "$loop" | sha256sum | cmp - "$H/sum"

	# On a device of the device-mapper, by whatever name.
	dmsetup create host --table "0 $(blockdev --getsz "$loop") linear $loop 0"
	"$TOOL" compact --json /dev/mapper/host >"$H/json"
	json '.return_value == 0 and .mapping == null' "$H/json"
	"$TOOL" open /dev/mapper/host disk
	"$TOOL" compact --mode=pretrimmed --json /dev/mapper/host >"$H/json"
	json '.return_value == 0 and .mapping == "disk"' "$H/json"
	cp -a "$(realpath /dev/mapper/disk)" "$H/node"
	"$TOOL" compact --mode=pretrimmed --json "$H/node" >"$H/json"
	json '.return_value == 0 and .mapping == "disk"' "$H/json"
	"$TOOL" close disk
	dmsetup remove host
	"$TOOL" read "$loop" | sha256sum | cmp - "$H/sum"
	losetup -d "$loop"
}

# Killed while it was made: the image is held, and the mapping has no table yet.
unfinished() {
	rm -f $IMAGE
	"$TOOL" create --size=64M $IMAGE
	dmsetup create --notable -u VHDX-1 disk
	dmsetup load disk --table "0 $((64 * MIB / 512)) vhdx $IMAGE 0"
	refuses 5 "is in use" "$TOOL" open $IMAGE disk
	"$TOOL" close disk
	[ -z "$(maps_of vhdx)" ]
	"$TOOL" open $IMAGE disk
	take_apart disk
}

host_fs ext4
check 'partitions are named as kpartx names them' named_as_kpartx_does
check 'compact a mapping in each mode' modes
check 'an image on a block device' on_a_block_device
check 'a mapping that was never finished' unfinished
if [ "${LENGTH:-all}" != all ]; then
	tap_done
	exit
fi
check 'status and list show what is there' shows_what_is_there
check 'open with options' with_options
check 'close when the last user has gone' deferred
check 'compact a mapping until told to stop' stops

# ---- the same with udev ------------------------------------------------------

if [ -x /lib/systemd/systemd-udevd ] && [ -e /lib/udev/rules.d/55-dm.rules ]; then
	mkdir -p /run/udev
	/lib/systemd/systemd-udevd --daemon
	udevadm trigger --settle
	unset DM_DISABLE_UDEV
	check 'with udev: partitions' named_as_kpartx_does
	check 'with udev: status and list' shows_what_is_there
	check 'with udev: compact' modes
	udevadm control --exit
else
	tap_skip 'with udev' 'there is no udev'
fi
tap_done
