# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the tool share. Sourced, never run. Each test works in a
# folder of its own, as root or not, and needs no kernel module.

TOP=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
. "$TOP/tests/tap.sh"

# Far from any name of a mapping, on a file system that punches holes.
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/vhdx-tool.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
chmod 755 "$WORK"
cd "$WORK" || exit 2

# A copy that all users can reach
TOOL=$WORK/bin/vhdxsetup
mkdir bin
cp "$TOP/userspace/vhdxsetup" bin/ ||
	{ echo "Bail out! make userspace first"; exit 2; }

# ends_with CODE CMD...: CMD ends with this exit code
ends_with() {
	local code=$1 status=0
	shift
	"$@" || status=$?
	echo "exit code $status, $code wanted"
	[ "$status" = "$code" ]
}

# refuses CODE TEXT CMD...: CMD ends with CODE and says TEXT, in one line, to
# standard error and nowhere else
refuses() {
	local code=$1 text=$2 status=0
	shift 2
	"$@" >out 2>err || status=$?
	echo "exit code $status, $code wanted"
	cat out err
	[ "$status" = "$code" ]
	[ "$(wc -l <err)" = 1 ]
	[ ! -s out ]
	grep -qF -- "$text" err
}

# untouched FILE CMD...: CMD succeeds and leaves FILE as it was, times included.
# A file that was just written gets its space before, not by CMD's fsync.
untouched() {
	local file=$1 before
	shift
	sync "$file"
	before=$(stat -c '%s %b %Y %Z' "$file"; sha256sum <"$file")
	"$@"
	[ "$before" = "$(stat -c '%s %b %Y %Z' "$file"; sha256sum <"$file")" ]
}

# json EXPRESSION FILE: the Python expression, about the document d, is true
json() {
	python3 -c '
import json, sys
d = json.load(open(sys.argv[2]))
assert d["schema"] == 1
assert eval(sys.argv[1]), (sys.argv[1], d)' "$1" "$2"
}

# content IMAGE: sha256 of what the disk holds
content() {
	"$TOOL" read "$1" | sha256
}

sha256() {
	if command -v openssl >/dev/null; then
		openssl dgst -sha256 -r | cut -d ' ' -f 1
	else
		sha256sum | cut -d ' ' -f 1
	fi
}

# qemu-img's name of the format of an image
qemu_format() {
	case $1 in
	*.vhd) echo vpc ;;
	*) echo vhdx ;;
	esac
}

# qemu IMAGE COMMAND...: let qemu-io work on it, without waiting for the disk
qemu() {
	local image=$1 commands=() command
	shift
	for command in "$@"; do
		commands+=(-c "$command")
	done
	qemu-io -t unsafe -f "$(qemu_format "$image")" "${commands[@]}" "$image" >/dev/null
}

# agrees IMAGE: QEMU finds nothing wrong and reads what we read
agrees() {
	"$TOOL" read "$1" | dd of="$1.raw" bs=1M iflag=fullblock conv=sparse status=none
	[ "$(qemu_format "$1")" = vpc ] || qemu-img check -q "$1"
	qemu-img compare -q -f "$(qemu_format "$1")" -F raw "$1" "$1.raw"
	rm "$1.raw"
}

# sound IMAGE: our own check finds nothing at all
sound() {
	"$TOOL" check "$1"
}

# as_nobody CMD...: without root, also when we are root; CMD is the tool or
# a program that all may run
as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}
