#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# open, close, status, list: what can be said without a kernel that maps. What
# they do with one is tested in a guest.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

"$TOOL" create --size=64M a.vhdx
chmod 666 a.vhdx
head -c 10000 /dev/zero >bad

for name in "" . a/b "a b" $'a\nb' control "$(printf 'x%.0s' {1..81})"; do
	tap_check "the name $(printf %.20q "$name")" untouched a.vhdx \
		refuses 1 "name of a mapping" "$TOOL" open a.vhdx "$name"
done
tap_check "no name" refuses 1 "usage: vhdxsetup open" "$TOOL" open a.vhdx
tap_check "an image that is none" refuses 4 NOT_AN_IMAGE "$TOOL" open bad no-such-name
tap_check "no such image" refuses 4 "no such file" "$TOOL" open nothing no-such-name
tap_check "a directory" refuses 4 "is a directory" "$TOOL" open . no-such-name
tap_check "open without root" untouched a.vhdx \
	refuses 2 "needs root" as_nobody "$TOOL" open a.vhdx no-such-name
tap_check "refresh without root" refuses 2 "needs root" as_nobody "$TOOL" open --refresh no-such-name
tap_check "close without root" refuses 2 "needs root" as_nobody "$TOOL" close no-such-name
tap_check "refresh with options" refuses 1 "no other option" \
	"$TOOL" open --refresh --readonly no-such-name
chmod 444 a.vhdx
tap_check "an image that may only be read" refuses 2 "permission denied" \
	as_nobody "$TOOL" open a.vhdx no-such-name

if [ "$(id -u)" = 0 ]; then
	# Whatever is missing here, device-mapper, module or mapping.
	for verb in close status "open --refresh"; do
		# shellcheck disable=SC2086 # verb and option
		tap_check "$verb: no such mapping" refuses 4 "" "$TOOL" $verb no-such-name
	done
else
	tap_skip "close, status: no such mapping" "needs root"
	tap_check "status without root" refuses 2 "run as root" "$TOOL" status no-such-name
	tap_check "list without root" refuses 2 "run as root" "$TOOL" list
fi
tap_done
