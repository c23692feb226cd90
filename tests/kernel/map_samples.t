#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Images that others wrote: the device shows what is in them, and a read-only
# mapping changes nothing. What it shows of those up to 1 GiB goes to
# $OUT/contents, and contents.sh hashes it outside, where that is quick.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

host_fs ext4

unchanged() { # IMAGE
	cmp "$1" "$IMAGES/${1##*/}"
}

largest=$(long 999999999999 999999999999 $((5 * MIB)))

read_only() { # IMAGE BYTES
	map "$1" sample "$2" --readonly read_only
	"$BUILT/compare" "$1" /dev/mapper/sample
	[ "$2" -gt $GIB ] || dump /dev/mapper/sample "$OUT/contents/${1##*/}"
	[ "$(blockdev --getro /dev/mapper/sample)" = 1 ]
	fails dd if=/dev/zero of=/dev/mapper/sample bs=4k count=1 oflag=direct
	unmap sample
	unchanged "$1"
}

# A write of what is there already ends the log's replay and starts a session;
# what the image held before is what it holds after.
write_the_same() { # DEVICE
	dd if="$1" of="$H/first" bs=64k count=1 iflag=direct status=none
	dd if="$H/first" of="$1" bs=64k oflag=direct conv=fsync status=none
	dd if="$1" bs=64k count=1 iflag=direct status=none | cmp - "$H/first"
}

read_write() { # IMAGE BYTES
	map "$1" sample "$2"
	write_the_same /dev/mapper/sample
	unmap sample
	"$TOOL" check "$1" || [ $? = 7 ]
	map "$1" sample "$2" --readonly read_only
	"$BUILT/compare" "$IMAGES/${1##*/}" /dev/mapper/sample
	unmap sample
}

# By its name, in the kernel log and in the tool's one line.
refused() { # IMAGE BYTES FINDING
	told "$3" map "$1" sample "$2" --readonly read_only
	told "$3" map "$1" sample "$2"
	fails_with "($3 at byte" "$TOOL" open --readonly "$1" sample
	unchanged "$1"
}

mapfile -t samples < <(grep -v '^#' "$TOP/tests/images/foreign/MANIFEST")
[ "$LENGTH" != short ] || mapfile -t samples < <(dealt "${samples[@]}")
mkdir -p "$OUT/contents"
while IFS=$'\t' read -r name _ bytes content parent; do
	image=$H/$name
	[ "$bytes" -le "$largest" ] || continue
	if [ ! -f "$IMAGES/$name" ]; then
		tap_skip "$name" 'not packed here and not in SAMPLES'
		continue
	fi
	cp --sparse=always "$IMAGES/$name" "$image"
	if [ "$parent" != - ]; then
		check "$name is refused" refused "$image" "$bytes" DIFFERENCING
	elif [ "$content" = refuse ]; then
		check "$name is refused" refused "$image" "$bytes" VHD_FOOTER_CHECKSUM
	else
		check "$name read-only" read_only "$image" "$bytes"
		chmod u+w "$image"
		check "$name read-write" read_write "$image" "$bytes"
	fi
	rm -f "$image"
done < <(printf '%s\n' "${samples[@]}")
tap_done
