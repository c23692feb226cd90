#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# read and map: images that others wrote hold what others read in them, and
# reading changes nothing. SAMPLES=DIR adds images that are not packed here.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/vm/cache.sh"

images=$CACHE/images
"$TOP/tests/images/unpack.sh" "$images" 2>notes || { sed 's/^/# /' notes; exit 1; }

# The whole disk has the hash that others found.
reads() {
	untouched "$images/$1" content "$images/$1" >hash.txt
	cat hash.txt
	grep -qx "$2" hash.txt
}

# Too large to read: the map says that it is empty.
is_empty() {
	untouched "$images/$1" "$TOOL" map --json "$images/$1" >map.json
	json "[(e['length'], e['data']) for e in d['extents']] == [($2, False)]" map.json
}

# Extents cover the disk without a gap, and lie inside the file.
maps() {
	local bytes

	bytes=$(stat -c %s "$images/$1")
	"$TOOL" map --json "$images/$1" >map.json
	json "d['extents'][-1]['start'] + d['extents'][-1]['length'] == $2" map.json
	json "all(a['start'] + a['length'] == b['start'] for a, b in zip(d['extents'], d['extents'][1:]))" map.json
	json "all(e['offset'] + e['length'] <= $bytes for e in d['extents'] if e['data'])" map.json
	"$TOOL" map "$images/$1" >map.txt
	[ "$(wc -l <map.txt)" = $(($(grep -c '"start"' map.json) + 1)) ]
}

dumps() {
	untouched "$images/$1" "$TOOL" dump --json "$images/$1" >dump.json
	json "d['virtual_bytes'] == $2" dump.json
	"$TOOL" dump "$images/$1" >dump.txt
	grep -q "^virtual: .*($2 bytes)" dump.txt
}

# A log that waits for replay is untidy, all else is clean.
checks() {
	case $1 in
	*log*)
		untouched "$images/$1" ends_with 7 "$TOOL" check "$images/$1" >check.txt
		cat check.txt
		grep -q ^LOG_DIRTY check.txt
		;;
	*)
		untouched "$images/$1" "$TOOL" check "$images/$1"
		;;
	esac
}

refused() {
	local verb

	for verb in read map dump; do
		untouched "$images/$1" refuses 4 "$2" "$TOOL" $verb "$images/$1"
	done
	cp "$images/$1" a
	chmod u+w a
	untouched a ends_with "$3" "$TOOL" compact a
	rm -f a
}

tab=$(printf '\t')
while IFS=$tab read -r name _ bytes hash parent; do
	if [ ! -f "$images/$name" ]; then
		tap_skip "$name" "not packed here and not in SAMPLES"
		continue
	fi
	if [ "$parent" != - ]; then
		tap_check "$name is refused" refused "$name" "(DIFFERENCING at" 4
		continue
	elif [ "$hash" = refuse ]; then
		tap_check "$name is refused" refused "$name" "VHD_FOOTER_CHECKSUM" 1
		continue
	elif [ "$bytes" -gt $((16 << 30)) ]; then
		tap_check "$name is empty" is_empty "$name" "$bytes"
	else
		tap_check "$name has the right content" reads "$name" "$hash"
	fi
	tap_check "$name is mapped completely" maps "$name" "$bytes"
	tap_check "$name can be dumped" dumps "$name" "$bytes"
	tap_check "$name is sound" checks "$name"
done < <(grep -v '^#' "$TOP/tests/images/foreign/MANIFEST")

# ---- parts of a disk ---------------------------------------------------------

"$TOOL" create --size=8M --block-size=1M a.vhdx
"$TOOL" create --size=8M --format=vhd a.vhd
for image in a.vhdx a.vhd; do
	qemu $image "write -P 1 512k 1M" "write -P 2 3M 512" "write -P 3 7M 1M"
	"$TOOL" read $image >$image.content
done

part() { # IMAGE OFFSET LENGTH
	"$TOOL" read --offset="$2" --length="$3" "$1" >part
	tail -c +$(($2 + 1)) "$1.content" | head -c "$3" >wanted || :
	cmp part wanted
	[ "$(stat -c %s part)" = "$3" ]
}

for image in a.vhdx a.vhd; do
	tap_check "$image: QEMU reads the same" agrees $image
	tap_check "$image: a whole block" part $image 1048576 1048576
	tap_check "$image: bytes across blocks" part $image 1572800 100
	tap_check "$image: one byte" part $image 3145728 1
	tap_check "$image: more than a buffer" part $image 511 7000001
	tap_check "$image: the end" part $image 8388607 1
	tap_check "$image: nothing" part $image 8388608 0
	tap_check "$image: past the end" refuses 1 "past the end" "$TOOL" read --offset=8M --length=1 $image
	tap_check "$image: far past the end" refuses 1 "past the end" "$TOOL" read --offset=9G $image
done
tap_check "not a number" refuses 1 "not a size" "$TOOL" read --offset=x a.vhdx
tap_done
