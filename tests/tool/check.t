#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check: clean, untidy and corrupt images; what is refused names its finding;
# nothing that only reads changes a byte.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MIB=1048576
"$TOOL" create --size=64M --block-size=1M good.vhdx
qemu good.vhdx "write -P 1 0 4M" "write -P 2 20M 64k"
"$TOOL" create --size=64M --format=vhd good.vhd
qemu good.vhd "write -P 1 0 4M" "write -P 2 20M 64k"
"$TOOL" create --size=8M --type=fixed --block-size=1M fixed.vhdx
"$TOOL" dump --json good.vhdx >vhdx.json
"$TOOL" dump --json good.vhd >vhd.json
vhdx_bat=$(python3 -c 'import json; print(json.load(open("vhdx.json"))["regions"]["bat"]["offset"])')
vhd_bat=$(python3 -c 'import json; print(json.load(open("vhd.json"))["bat"]["offset"])')

# found CODE VERDICT FINDING IMAGE: check ends with CODE, says VERDICT and names
# FINDING; so does --json; the image is not touched
found() {
	local code=$1 verdict=$2 finding=$3 image=$4

	untouched "$image" ends_with "$code" "$TOOL" check "$image" >text
	cat text
	grep -q "^$finding at byte " text
	grep -qxF "$image: $verdict" text
	untouched "$image" ends_with "$code" "$TOOL" check --json "$image" >wrapped
	sed '/^exit code/d' wrapped >check.json
	json "d['verdict'] == '$verdict' and '$finding' in [f['name'] for f in d['findings']]" check.json
}

# corrupt FINDING IMAGE: check says so, every other reader refuses it by name
corrupt() {
	local finding=$1 image=$2 verb

	found 6 corrupt "$finding" "$image"
	for verb in read map dump; do
		untouched "$image" refuses 4 "($finding at byte" "$TOOL" $verb "$image"
	done
	untouched "$image" refuses 1 "(32768, failed)" "$TOOL" compact "$image"
}

untidy() {
	found 7 "sound but untidy" "$1" "$2"
	content "$2" >/dev/null
}

# change IMAGE OFFSET BYTES: write the bytes (as printf has them) there
change() {
	# shellcheck disable=SC2059 # the bytes are a format
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# erase IMAGE OFFSET LENGTH
erase() {
	dd if=/dev/zero of="$1" bs=1 seek="$2" count="$3" conv=notrunc status=none
}

clean() {
	untouched "$1" sound "$1"
	"$TOOL" check --json "$1" >check.json
	json "d['verdict'] == 'clean' and d['findings'] == [] and not d['error']" check.json
}

# What cannot even be opened has a document as well.
nothing_as_json() {
	ends_with 4 "$TOOL" check --json nothing >wrapped
	sed '/^exit code/d' wrapped >check.json
	json "d['verdict'] == 'cannot be checked' and d['found'] == 0" check.json
	json "'no such file' in d['error'] and d['findings'] == []" check.json
}

tap_check "a good vhdx" clean good.vhdx
tap_check "a good vhd" clean good.vhd
tap_check "a good fixed vhdx" clean fixed.vhdx
chmod 444 good.vhdx
tap_check "an image that may only be read" as_nobody "$TOOL" check good.vhdx
chmod 644 good.vhdx

cp good.vhdx a.vhdx; erase a.vhdx 65536 4096
tap_check "vhdx: the first header is gone" untidy HEADER_ONE_INVALID a.vhdx
cp good.vhdx a.vhdx; erase a.vhdx 65536 4096; erase a.vhdx 131072 4096
tap_check "vhdx: both headers are gone" corrupt NO_VALID_HEADER a.vhdx
cp good.vhdx a.vhdx; change a.vhdx $((196608 + 100)) x
tap_check "vhdx: a region table with a wrong checksum" untidy REGION_TABLE_ONE_INVALID a.vhdx
cp good.vhdx a.vhdx; erase a.vhdx 196608 16; erase a.vhdx 262144 16
tap_check "vhdx: both region tables are gone" corrupt NO_VALID_REGION_TABLE a.vhdx
cp good.vhdx a.vhdx
dd if=good.vhdx of=a.vhdx bs=8 skip=$((vhdx_bat / 8)) seek=$((vhdx_bat / 8 + 1)) count=1 conv=notrunc status=none
tap_check "vhdx: two blocks in one place" corrupt BLOCK_OVERLAP a.vhdx
cp good.vhdx a.vhdx; change a.vhdx $((vhdx_bat + 6)) '\377'
tap_check "vhdx: a block past the end" corrupt BLOCK_PAST_END a.vhdx
cp good.vhdx a.vhdx; change a.vhdx "$vhdx_bat" '\006\0\0\0\0\0\0\0'
tap_check "vhdx: a block in the headers" corrupt BLOCK_IN_HEADER a.vhdx
cp good.vhdx a.vhdx; change a.vhdx "$vhdx_bat" '\005'
tap_check "vhdx: a state that does not exist" corrupt BAT_STATE a.vhdx
cp good.vhdx a.vhdx; truncate -s $((5 * MIB)) a.vhdx
tap_check "vhdx: cut short" corrupt BLOCK_PAST_END a.vhdx
cp good.vhdx a.vhdx; truncate -s +3M a.vhdx
tap_check "vhdx: unused space at the end" untidy TAIL_UNUSED a.vhdx
cp fixed.vhdx a.vhdx; truncate -s -2M a.vhdx
tap_check "vhdx: a fixed image that is too short" found 6 corrupt FIXED_INCOMPLETE a.vhdx

cp good.vhd a.vhd; truncate -s -512 a.vhd
tap_check "vhd: the footer at the end is gone" untidy VHD_FOOTER_MISSING a.vhd
cp good.vhd a.vhd; erase a.vhd 0 512
tap_check "vhd: the copy of the footer is gone" untidy VHD_FOOTER_COPY_BAD a.vhd
cp good.vhd a.vhd; change a.vhd $((512 + 40)) x
tap_check "vhd: a header with a wrong checksum" corrupt VHD_HEADER_CHECKSUM a.vhd
cp good.vhd a.vhd
dd if=good.vhd of=a.vhd bs=4 skip=$((vhd_bat / 4)) seek=$((vhd_bat / 4 + 1)) count=1 conv=notrunc status=none
tap_check "vhd: two blocks in one place" corrupt BLOCK_OVERLAP a.vhd
cp good.vhd a.vhd; change a.vhd "$vhd_bat" '\0\1\0\0'
tap_check "vhd: a block past the end" corrupt BLOCK_PAST_END a.vhd

: >empty
tap_check "an empty file" corrupt TOO_SHORT empty
head -c 100000 /dev/zero >zeros
tap_check "a file of zeros" found 4 "cannot be checked" NOT_AN_IMAGE zeros
tap_check "read: a file of zeros" refuses 4 NOT_AN_IMAGE "$TOOL" read zeros
tap_check "compact: a file of zeros" refuses 4 "(32776, incorrect data type)" "$TOOL" compact zeros
tap_check "a directory" refuses 4 "is a directory" "$TOOL" check .
mkfifo fifo
tap_check "a pipe" refuses 4 "neither a file nor a block device" "$TOOL" check fifo
tap_check "a character device" refuses 4 "neither a file nor a block device" "$TOOL" check /dev/null
tap_check "no such file" refuses 4 "no such file" "$TOOL" check nothing
tap_check "no such file, as JSON" nothing_as_json
tap_check "no such folder" refuses 4 "no such file" "$TOOL" check no/thing
cp good.vhdx secret.vhdx
chmod 0 secret.vhdx
tap_check "no permission" refuses 2 "permission denied" as_nobody "$TOOL" check secret.vhdx
tap_done
