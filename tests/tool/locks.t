#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One writer, or any number of readers: this tool and QEMU keep each other out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if ! command -v qemu-io >/dev/null; then
	tap_skip "locks" "there is no qemu-io"
	tap_done
	exit
fi
"$TOOL" create --size=64M --block-size=1M a.vhdx
qemu a.vhdx "write -P 1 0 4M"

# while_open OPTIONS CMD...: CMD runs while qemu-io has the image open
while_open() {
	local options=$1 status=0 holder
	shift
	mkfifo hold
	# shellcheck disable=SC2086 # options are words
	qemu-io -f vhdx $options a.vhdx <hold >opened 2>&1 &
	holder=$!
	exec 9>hold
	echo "read 0 512" >&9
	timeout 20 sh -c 'until grep -q ops opened; do sleep 0.05; done'
	"$@" || status=$?
	echo quit >&9
	exec 9>&-
	wait $holder
	rm hold opened
	return $status
}

# Our own reader holds the image while its output is not read.
while_reading() {
	local status=0 reader
	mkfifo pipe
	"$TOOL" read a.vhdx >pipe &
	reader=$!
	exec 8<pipe
	head -c 1 <&8 >/dev/null
	"$@" || status=$?
	cat <&8 >/dev/null
	exec 8<&-
	wait $reader
	rm pipe
	return $status
}

for verb in read map dump check; do
	tap_check "$verb beside a writer" while_open "" \
		refuses 5 "may write" "$TOOL" $verb a.vhdx
	tap_check "$verb beside a reader" while_open -r "$TOOL" $verb a.vhdx
done
tap_check "compact beside a writer" while_open "" \
	untouched a.vhdx refuses 5 "(32774, in use)" "$TOOL" compact a.vhdx
tap_check "compact beside a reader" while_open -r \
	untouched a.vhdx refuses 5 "is reading it" "$TOOL" compact a.vhdx
tap_check "open beside a writer" while_open "" refuses 5 "in use" "$TOOL" open a.vhdx no-such-name
tap_check "open beside a reader" while_open -r refuses 5 "in use" "$TOOL" open a.vhdx no-such-name
tap_check "open --readonly beside a writer" while_open "" \
	refuses 5 "in use" "$TOOL" open --readonly a.vhdx no-such-name

tap_check "two readers of ours" while_reading "$TOOL" check a.vhdx
tap_check "compact beside a reader of ours" while_reading \
	refuses 5 "(32774, in use)" "$TOOL" compact a.vhdx
qemu_is_refused() {
	ends_with 1 qemu-io -f vhdx -c "write 0 512" a.vhdx >out 2>&1
	cat out
	grep -qi lock out
}
tap_check "QEMU beside a reader of ours" while_reading qemu_is_refused
tap_check "nothing is held afterwards" "$TOOL" compact a.vhdx
tap_done
