# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A host disk that can be made slow, so that what happens meanwhile happens for
# certain, and that can be cut off. Sourced after lib.sh, never run.

BLOCK=$MIB
SIZE=$((64 * MIB))

slow_table() { # READ-MS WRITE-MS FLUSH-MS
	echo "0 $(blockdev --getsz /dev/vda) delay /dev/vda 0 $1 /dev/vda 0 $2 /dev/vda 0 $3"
}

slow_load() { # TABLE
	dmsetup suspend --nolockfs --noflush slow
	dmsetup load slow <<<"$1"
	dmsetup resume slow
}

# slow READ-MS WRITE-MS FLUSH-MS: from now on
slow() {
	slow_load "$(slow_table "$@")"
}

# slow_writes BYTE BYTES MS: there, and nowhere else
slow_writes() {
	local size
	local -i from=$1/512 count=$2/512

	size=$(blockdev --getsz /dev/vda)
	slow_load "0 $from linear /dev/vda 0
$from $count delay /dev/vda $from 0 /dev/vda $from $3 /dev/vda $from 0
$((from + count)) $((size - from - count)) linear /dev/vda $((from + count))"
}

# Whatever has not reached the disk by now never will.
cut_off() {
	slow_load "0 $(blockdev --getsz /dev/vda) error"
}

slow_up() { # [FS]
	modprobe dm-delay
	dmsetup create slow --table "$(slow_table 0 0 0)"
	blockdev --setra 256 /dev/mapper/slow
	[ -z "${1:-}" ] || make_fs "$1" /dev/mapper/slow
	mount /dev/mapper/slow "$H"
}

slow_down() {
	! mountpoint -q "$H" || umount "$H"
	! dmsetup info slow >/dev/null 2>&1 || dmsetup remove --retry slow
}

# What there was is taken down in the right order also when a test fails.
slow_end() {
	take_guest_down
	slow_down
	take_down
}
trap slow_end EXIT

# fresh IMAGE [ARG...]: a new image, mapped, on a disk that is not slow; HOST is its
# file system
fresh() {
	slow_down
	slow_up "${HOST:-ext4}"
	create "$1" $SIZE --block-size="$BLOCK"
	map "$1" disk $SIZE commit_ms 60000 "${@:2}"
}

pattern() { # LETTER BYTES
	head -c "$2" /dev/zero | tr '\0' "$1"
}

# put LETTER BLOCK [DD-FLAG...]: a whole block, past all caches
put() {
	pattern "$1" "$BLOCK" | dd of=/dev/mapper/disk bs="$BLOCK" seek="$2" iflag=fullblock \
		oflag=direct conv=notrunc"${3:+,$3}" status=none
}

get() { # BLOCK
	dd if=/dev/mapper/disk bs="$BLOCK" skip="$1" count=1 iflag=direct status=none
}

# holds LETTER BLOCK: from beginning to end
holds() {
	cmp <(get "$2") <(pattern "$1" "$BLOCK")
}

drop() { # BLOCK
	blkdiscard -f -o $(($1 * BLOCK)) -l "$BLOCK" /dev/mapper/disk
}

# The metadata are written when status says so: field 9 of ours, 12 of dmsetup's.
committed() {
	dmsetup message disk 0 commit
	for _ in {1..100}; do
		[ "$(dmsetup status disk | cut -d' ' -f12)" != 0 ] || return 0
		sleep 0.1
	done
	dmsetup status disk
	return 1
}

compaction_ends() {
	for _ in {1..600}; do
		dmsetup message disk 0 compact status | grep -q ^running || break
		sleep 0.1
	done
	dmsetup message disk 0 compact status | grep ^done
}
