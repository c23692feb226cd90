#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One writer or any number of readers of an image, whoever they are.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))

# hold IMAGE FORMAT [-r]: qemu-io has the image open until let_go
hold() {
	mkfifo "$H/hold"
	qemu-io -f "$2" ${3:+"$3"} "$1" <"$H/hold" >"$H/held" 2>&1 &
	holder=$!
	exec 9>"$H/hold"
	echo 'read 0 512' >&9
	for ((i = 0; i < $(patience 100); i++)); do
		! grep -q 'read 512/512' "$H/held" || return 0
		sleep 0.1
	done
	cat "$H/held"
	return 1
}

let_go() {
	echo quit >&9
	exec 9>&-
	wait "$holder"
	rm -f "$H/hold"
}

two_writers() { # IMAGE
	map "$1" one $SIZE
	told 'mapped by another device' map "$1" two $SIZE
	fails_with 'in use by the mapping one;' "$TOOL" open "$1" two
	unmap one
	"$TOOL" open "$1" one
	told 'mapped by another device' map "$1" two $SIZE
	fails_with 'in use by the mapping one;' "$TOOL" open "$1" two
	"$TOOL" close one
}

writer_and_reader() { # IMAGE
	map "$1" one $SIZE
	told 'mapped by another device' map "$1" two $SIZE --readonly read_only
	fails_with 'in use by the mapping one;' "$TOOL" open --readonly "$1" two
	unmap one
	map "$1" one $SIZE --readonly read_only
	told 'mapped by another device' map "$1" two $SIZE
	fails_with 'is in use' "$TOOL" open "$1" two
	unmap one
}

readers() { # IMAGE
	map "$1" one $SIZE --readonly read_only
	map "$1" two $SIZE --readonly read_only
	"$TOOL" open --readonly "$1" three
	"$TOOL" check "$1"
	"$TOOL" close three
	unmap two
	unmap one
}

busy_for_qemu() { # IMAGE FORMAT
	map "$1" one $SIZE
	fails qemu-io -f "$2" -c 'write 0 512' "$1"
	fails qemu-io -f "$2" -r -c 'read 0 512' "$1"
	unmap one
	map "$1" one $SIZE --readonly read_only
	qemu-io -f "$2" -r -c 'read 0 512' "$1"
	fails qemu-io -f "$2" -c 'write 0 512' "$1"
	unmap one
}

# Nobody denies writes to a device: only what the mapping does not share does. Who
# could write only reads here: a device does not grow under an image.
busy_device() { # IMAGE FORMAT
	local device

	device=$(losetup -f --show "$1")
	map "$device" one $SIZE --readonly read_only
	qemu-io -f "$2" -r -c 'read 0 512' "$device"
	fails qemu-io -f "$2" -c 'read 0 512' "$device"
	unmap one
	qemu-io -f "$2" -c 'read 0 512' "$device"
	losetup -d "$device"
}

busy_with_qemu() { # IMAGE FORMAT
	hold "$1" "$2"
	told 'in use by another program' map "$1" one $SIZE
	told 'in use by another program' map "$1" one $SIZE --readonly read_only
	fails_with 'another program may write' "$TOOL" open "$1" one
	fails_with 'another program may write' "$TOOL" open --readonly "$1" one
	let_go
	hold "$1" "$2" -r
	told 'in use by another program' map "$1" one $SIZE
	fails_with 'another program is reading' "$TOOL" open "$1" one
	map "$1" one $SIZE --readonly read_only
	unmap one
	let_go
	map "$1" one $SIZE
	unmap one
}

# The tool tells who has it, with the exit code for "busy".
named() { # IMAGE
	local status=0 said

	map "$1" holder $SIZE
	said=$("$TOOL" check "$1" 2>&1) || status=$?
	echo "$said"
	[ "$status" = 5 ]
	grep -q holder <<<"$said"
	status=0
	"$TOOL" open "$1" other || status=$?
	[ "$status" = 5 ]
	unmap holder
}

# A table that is loaded and never used shares the image, and only shares it.
loaded_twice() { # IMAGE
	map "$1" one $SIZE
	dmsetup load one --table "$(dmsetup table one)"
	dmsetup clear one
	fails map "$1" two $SIZE
	dmsetup load one --table "$(dmsetup table one)"
	dmsetup suspend one
	dmsetup resume one
	fails map "$1" two $SIZE
	dd if=/dev/mapper/one of=/dev/null bs=4k count=1 iflag=direct status=none
	unmap one
}

# What is mapped read-only does not change under its reader.
written_under_reader() { # IMAGE
	map "$1" one $SIZE --readonly read_only
	fails truncate -s 0 "$1"
	fails dd if=/dev/zero of="$1" bs=512 count=1 conv=notrunc
	unmap one
}

by_another_name() { # IMAGE
	ln "$1" "$1.link"
	map "$1" one $SIZE
	fails map "$1.link" two $SIZE
	losetup -r /dev/loop7 "$1"
	unmap one
	losetup -d /dev/loop7
	rm "$1.link"
}

host_fs ext4
for pair in vhdx:vhdx $(long vhd:vpc ''); do
	image=$H/disk.${pair%:*} format=${pair#*:}
	create "$image" "$SIZE"
	check "${pair%:*}: two writers" two_writers "$image"
	check "${pair%:*}: a writer and a reader" writer_and_reader "$image"
	check "${pair%:*}: readers" readers "$image"
	check "${pair%:*}: mapped, then qemu comes" busy_for_qemu "$image" "$format"
	check "${pair%:*}: a device is mapped, then qemu comes" busy_device "$image" "$format"
	check "${pair%:*}: qemu has it, then it is to be mapped" busy_with_qemu "$image" "$format"
	check "${pair%:*}: the holder is named" named "$image"
	check "${pair%:*}: readers keep writers of any kind out" written_under_reader "$image"
	check "${pair%:*}: a second table of the device" loaded_twice "$image"
	check "${pair%:*}: a second name of the file" by_another_name "$image"
	take_guest_down
done
tap_done
