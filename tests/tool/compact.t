#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# compact of images that are not mapped: nothing a reader can see changes, the
# file gets as short as the format allows, QEMU agrees. A block whose space is a
# hole of the host counts as trimmed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MIB=1048576
truncate -s 1M probe
if ! fallocate --punch-hole --offset 0 --length 4096 probe 2>/dev/null; then
	tap_skip "compact" "the file system of $WORK does not punch holes"
	tap_done
	exit
fi

# offset_of IMAGE BYTE: where that byte of the disk lies in the file
offset_of() {
	"$TOOL" map --json "$1" >map.json
	python3 -c '
import json, sys
at = int(sys.argv[1])
for e in json.load(open("map.json"))["extents"]:
    if e["data"] and e["start"] <= at < e["start"] + e["length"]:
        print(e["offset"] + at - e["start"])' "$2"
}

# trim IMAGE BYTE LENGTH: punch that part of the disk, inside one block
trim() {
	fallocate --punch-hole --offset "$(offset_of "$1" "$2")" --length "$3" "$1"
}

# scattered IMAGE BLOCK COUNT OPTION...: COUNT blocks, written from the end of
# the disk to its start, so that the file has them the other way round; then
# every second one is trimmed, and half of another
scattered() {
	local image=$1 block=$2 count=$3 i writes=()
	shift 3
	rm -f "$image"
	"$TOOL" create --size=$((3 * count * block)) "$@" "$image"
	for ((i = count - 1; i >= 0; i--)); do
		writes+=("write -P $((i + 1)) $((3 * i * block)) $block")
	done
	qemu "$image" "${writes[@]}"
	for ((i = 0; i < count; i += 2)); do
		trim "$image" $((3 * i * block)) "$block"
	done
	trim "$image" $((3 * block)) $((block / 2))
	sound "$image" >/dev/null
}

# compacts IMAGE BLOCK COUNT RELEASED: as short as can be when so many blocks have
# been released, the same content, sound, and nothing is left for a second time
compacts() {
	local image=$1 block=$2 count=$3 released=$4 before bound

	before=$(content "$image")
	"$TOOL" compact --json "$image" >result.json
	cat result.json
	json "d['return_value'] == 0 and d['mode'] == 'quick' and d['mode_used'] == 'pretrimmed'" result.json
	json "d['blocks_released'] == $released" result.json
	json "d['before']['length'] > d['after']['length']" result.json
	bound=$((4 * MIB + (count - released) * (block + 4096) + 2 * MIB))
	json "d['after']['length'] == $(stat -c %s "$image") <= $bound" result.json
	json "d['after']['allocated'] <= $bound" result.json
	[ "$(content "$image")" = "$before" ]
	sound "$image"
	agrees "$image"
	finds_nothing "$image"
}

finds_nothing() {
	"$TOOL" compact --mode=pretrimmed --json "$1" >again.json
	json "d['blocks_released'] == d['blocks_moved'] == 0" again.json
	json "d['before']['length'] == d['after']['length']" again.json
}

for size in 1 2; do
	scattered a.vhdx $((size * MIB)) 12 --block-size=${size}M
	tap_check "vhdx, blocks of $size MiB" compacts a.vhdx $((size * MIB)) 12 6
done
scattered a.vhdx $((32 * MIB)) 4 --block-size=32M
tap_check "vhdx, blocks of 32 MiB" compacts a.vhdx $((32 * MIB)) 4 2
# QEMU puts the blocks of a VHD where they please: every eighth begins on a page
# of the host, only such a one can be a hole from end to end.
scattered a.vhd $((2 * MIB)) 12 --format=vhd
tap_check "vhd" compacts a.vhd $((2 * MIB)) 12 2

# Windows' own images, dirty log included
foreign() {
	local before

	. "$TOP/tests/vm/cache.sh"
	"$TOP/tests/images/unpack.sh" "$CACHE/images" 2>/dev/null
	cp --sparse=always "$CACHE/images/$1" "$1"
	chmod u+w "$1"
	before=$(content "$1")
	"$TOOL" compact "$1"
	[ "$(content "$1")" = "$before" ]
	sound "$1"
	agrees "$1"
	rm "$1"
}
for image in discutils--btrfs.vhdx discutils--vhdx-log-replay.vhdx dfvfs--ntfs-dynamic.vhd \
	qemu--d2v-zerofilled.vhd; do
	tap_check "$image" foreign $image
done

fixed_keeps_its_length() {
	local before

	"$TOOL" create --size=8M --type=fixed --block-size=1M f.vhdx
	qemu f.vhdx "write -P 5 1M 2M"
	before=$(content f.vhdx) length=$(stat -c %s f.vhdx)
	"$TOOL" compact f.vhdx
	[ "$(content f.vhdx)" = "$before" ]
	[ "$(stat -c %s f.vhdx)" = "$length" ]
	sound f.vhdx
	agrees f.vhdx
}
tap_check "a fixed vhdx keeps its length" fixed_keeps_its_length

text_and_progress() {
	scattered a.vhdx $MIB 12 --block-size=1M
	"$TOOL" compact --progress-json a.vhdx >out 2>progress
	cat out progress
	grep -q "^a.vhdx: pretrimmed (instead of quick: .*) completed (0)$" out
	grep -q "^  length: .* -> " out
	grep -q "^  allocated: .* -> " out
	grep -q "6 released" out
	while read -r line; do
		echo "$line" >line.json
		json "d['device'] == 'a.vhdx' and 0 <= d['percent'] <= 100" line.json
	done <progress
	"$TOOL" compact a.vhdx >out 2>progress
	[ ! -s progress ]
}
tap_check "what it prints" text_and_progress

# A signal ends it at a step, never in the middle of one.
stops() {
	local before status=0 pid

	scattered a.vhdx $((32 * MIB)) 4 --block-size=32M
	before=$(content a.vhdx)
	"$TOOL" compact --progress-json a.vhdx >out 2>err &
	pid=$!
	timeout 20 sh -c 'until [ -s err ]; do sleep 0.01; done'
	kill -INT $pid || :
	wait $pid || status=$?
	cat out err
	# Either it was told in time or it had ended.
	[ $status = 0 ] || { [ $status = 1 ] && grep -q "stopped on request" err; }
	[ "$(content a.vhdx)" = "$before" ]
	sound a.vhdx
	agrees a.vhdx
	"$TOOL" compact a.vhdx
	[ "$(content a.vhdx)" = "$before" ]
}
tap_check "SIGINT" stops

# refused CODE RETURN TEXT TARGET OPTION...
refused() {
	local code=$1 value=$2 text=$3 target=$4
	shift 4
	untouched "$target" refuses "$code" "$text" "$TOOL" compact "$@" "$target"
	grep -q "($value, " err
	untouched "$target" ends_with "$code" "$TOOL" compact --json "$@" "$target" >wrapped
	sed '/^exit code/d' wrapped >result.json
	json "d['return_value'] == $value and d['error']" result.json
}

"$TOOL" create --size=4M b.vhdx
"$TOOL" create --size=4M --format=vhd --type=fixed b.vhd
tap_check "mode full" refused 4 32770 "not supported by this version" b.vhdx --mode=full
tap_check "mode 4" refused 4 32770 "prezeroed" b.vhdx --mode=4
tap_check "mode retrim without a mapping" refused 1 32775 "not mapped" b.vhdx --mode=retrim
tap_check "a fixed vhd" refused 4 32770 "fixed VHD" b.vhd
tap_check "no such file" refuses 4 "(32779, file not found)" "$TOOL" compact nothing
tap_check "no such folder" refuses 4 "(32779, file not found)" "$TOOL" compact no/thing
tap_check "a directory" refuses 4 "(32776, incorrect data type)" "$TOOL" compact .
tap_check "no such mode" refused 1 32773 "not a mode" b.vhdx --mode=fast
tap_check "no such time" refused 1 32773 "not a time" b.vhdx --timeout=0
tap_check "a time that is no number" refused 1 32773 "not a number" b.vhdx --timeout=1s
tap_check "no such frequency" refused 1 32773 "not a number" b.vhdx --progress-frequency=x
chmod 444 b.vhdx
tap_check "no permission" refuses 2 "(32769, access denied)" as_nobody "$TOOL" compact b.vhdx
tap_done
