#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The disk that forgets, as QEMU's own client sees it.
set -euo pipefail

cd "$(dirname "$0")"
. ../tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

serve() { # OPTION...
	rm -f "$work/socket" "$work/disk"
	truncate -s 16M "$work/disk"
	build/nbd-server-san "$@" "$work/socket" "$work/disk" >"$work/log" &
	server=$!
	until [ -S "$work/socket" ]; do sleep 0.05; done
}

client() { # COMMAND...: qemu-io, which does as we say
	local commands=() command

	for command in "$@"; do commands+=(-c "$command"); done
	qemu-io -f raw -t none "${commands[@]}" "nbd+unix:///?socket=$work/socket" \
		>"$work/io.log" || return 1
	cat "$work/io.log"
	! grep -qiE 'fail|error' "$work/io.log"
}

disk_shows() { # COMMAND...
	qemu-io -f raw -r "${@/#/-c}" "$work/disk" >"$work/io.log"
	cat "$work/io.log"
	! grep -qiE 'fail|error' "$work/io.log"
}

all_commands() {
	serve
	client 'write -P 1 0 1M' 'write -f -P 2 1M 64k' 'read -P 1 512k 4k' 'write -z 64k 4k' \
		'discard 128k 64k' flush 'read -P 0 64k 4k' 'read -P 0 128k 64k'
	wait $server
	grep -q '^off flushes' "$work/log"
	disk_shows 'read -P 1 0 64k' 'read -P 0 64k 4k' 'read -P 0 128k 64k' 'read -P 2 1M 64k'
}

# By itself, in the middle of a write that was not flushed.
killed() {
	serve --mood=1 --enough=4
	kill -USR2 $server
	if client 'write -P 1 0 64k' flush 'write -P 2 0 4k' 'write -P 3 8k 4k' \
		'write -P 4 16k 4k'; then return 1; fi
	wait $server
	grep -q '^cut flushes 1 unflushed 2 kept 0 torn 0 forgotten 2 lost-bytes 8192$' "$work/log"
	disk_shows 'read -P 1 0 64k'
}

cut() {
	serve --mood=1
	client 'write -P 1 0 64k' flush 'write -P 2 0 4k' 'sleep 3000' &
	sleep 1
	kill -USR1 $server
	wait
	grep -q '^cut flushes 1 unflushed 1 .* lost-bytes 4096$' "$work/log"
	disk_shows 'read -P 1 0 64k'
}

liar() {
	serve --mood=1 --lies=100 --enough=3
	kill -USR2 $server
	if client 'write -P 1 0 4k' flush 'write -P 1 4k 4k' flush 'write -P 1 8k 4k'; then
		return 1
	fi
	wait $server
	disk_shows 'read -P 0 0 64k'
}

tap_check 'reads, writes, zeroes, flushes' all_commands
tap_check 'the client is killed, what it flushed is there' killed
tap_check 'the power is cut under a client' cut
tap_check 'a liar forgets what was flushed' liar
tap_done
