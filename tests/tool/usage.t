#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line: help, options that fit no verb, arguments that are missing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

"$TOOL" create --size=4M a.vhdx

help_names_all() {
	local verb

	"$TOOL" --help >help
	for verb in open close status list dump map read check create compact; do
		grep -q "^  $verb " help
		"$TOOL" "$verb" --help | grep -qE "^Usage: vhdxsetup $verb( |$)"
		"$TOOL" "$verb" -h >short
		"$TOOL" "$verb" --help | cmp - short
	done
	[ -z "$(awk 'length > 100' help)" ]
}

manual_names_all() {
	local option

	"$TOOL" --help | grep -oE -- '--[a-z-]+' | sort -u | while read -r option; do
		grep -qF -- "Fl Fl ${option#--}" "$TOP/userspace/man/vhdxsetup.8" ||
			{ echo "$option is not in the manual"; exit 1; }
	done
}

# Whether other manuals are installed here is not our business.
manual_is_clean() {
	mandoc -T lint -W warning "$TOP/userspace/man/vhdxsetup.8"
}

version() {
	"$TOOL" --version >version
	grep -qE "^vhdxsetup [0-9]" version
}

dash() {
	cp a.vhdx ./-a.vhdx
	"$TOOL" check -- -a.vhdx
}

tap_check "--help names every verb" help_names_all
tap_check "the manual has every option" manual_names_all
if command -v mandoc >/dev/null; then
	tap_check "the manual is well written" manual_is_clean
else
	tap_skip "the manual is well written" "there is no mandoc"
fi
tap_check "--version" version
tap_check "no verb" refuses 1 "verb is missing" "$TOOL"
tap_check "unknown verb" refuses 1 "no such verb" "$TOOL" frobnicate
tap_check "a verb of a later version" refuses 1 "no such verb" "$TOOL" resize a.vhdx
tap_check "unknown option" refuses 1 "no such option" "$TOOL" --frobnicate check a.vhdx
tap_check "unknown letter" refuses 1 "no such option" "$TOOL" check -z a.vhdx
tap_check "option without its value" refuses 1 "needs a value" "$TOOL" create a --size
tap_check "option with a value too many" refuses 1 "takes no value" "$TOOL" dump --json=yes a.vhdx
tap_check "option of another verb" refuses 1 "not for check" "$TOOL" check --size=1G a.vhdx
tap_check "argument missing" refuses 1 "usage: vhdxsetup check" "$TOOL" check
tap_check "argument too many" refuses 1 "usage: vhdxsetup check" "$TOOL" check a.vhdx a.vhdx
tap_check "options may follow arguments" "$TOOL" check a.vhdx --json
tap_check "a file may begin with a dash" dash
tap_check "a name that would break the line" \
	refuses 4 "no?such?file" "$TOOL" check $'no\nsuch\tfile'

# named BYTES TEXT: an image called so is called TEXT in JSON
named() {
	local verb

	cp a.vhdx "$1"
	for verb in check dump map compact; do
		"$TOOL" $verb --json "$1" | python3 -c '
import json, sys
d = json.loads(sys.stdin.buffer.read().decode())
name = d["target" if sys.argv[1] == "compact" else "image"]
assert name == eval(sys.argv[2]), ascii(name)' $verb "$2"
	done
	rm "$1"
}
tap_check "a name of all kinds of characters" \
	named $'\xc3\xa4 \xe2\x82\xac\xf0\x9f\x92\xbe"\n\\\x01' '"\u00e4 \u20ac\U0001f4be\"\n\\\x01"'
tap_check "a name that is not UTF-8" \
	named $'a\xff\xc3b\xe0\x80\x80\xed\xa0\x80\xf5' '"a\ufffd\ufffdb" + 7 * "\ufffd"'

# full VERB: the error of the last write is not lost
full() {
	local status=0

	"$TOOL" "$1" a.vhdx >/dev/full 2>err || status=$?
	cat err
	[ "$status" = 1 ]
	[ "$(wc -l <err)" = 1 ]
}
tap_check "dump to a full disk" full dump
tap_check "read to a full disk" full read
tap_done
