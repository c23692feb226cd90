#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every broken image of tests/images: check names what is wrong with it, ends
# with the right code, and leaves it as it was.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

make -s -C "$TOP/tests/images" >&2
mkdir images
"$TOP/tests/images/build/broken" --write images
sync -f images

# names IMAGE FINDING CODE
names() {
	untouched "$1" ends_with "$3" "$TOOL" check "$1" >text 2>&1
	cat text
	grep -q "\<$2\>" text
}

while IFS=$'\t' read -r name finding _ code; do
	tap_check "$name: $finding" names "images/$name" "$finding" "$code"
done <images/EXPECTED

tap_done
