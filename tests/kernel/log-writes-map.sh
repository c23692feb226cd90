#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# log-writes-map.sh - really map the states that log-writes.sh has kept
#
#   STATES=DIR log-writes-map.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"

dir=${STATES:?}

# number NAME MARKS: of the last mark of that name
number() {
	awk -v name="$1" '$1 == name { print $2 }' "$2"
}

# Every record up to this one, but those that are deleted by and by.
inserted() { # NUMBER
	local numbers

	numbers=$(sqlite3 $G/database "SELECT group_concat(number, ' ') FROM
		(SELECT number FROM record WHERE number <= $1 AND number % 10 != 3
		ORDER BY number)")
	[ "$numbers" = "$(seq "$1" | grep -v '3$' | xargs)" ]
}

mounted() { # FS MARKS WORKLOAD
	local records

	mount /dev/mapper/disk $G
	case $3 in
	ledger)
		records=$(number ledger "$2")
		[ -z "$records" ] || "$BUILT/load" verify $G/ledger "$records"
		;;
	sqlite)
		records=$(number sqlite "$2")
		[ "$(sqlite3 $G/database 'PRAGMA integrity_check')" = ok ]
		[ -z "$records" ] || inserted "$records"
		;;
	*) find $G -type f -exec cat {} + | wc -c ;;
	esac
	touch $G/after
	umount $G
	case $1 in
	ext4) e2fsck -fn /dev/mapper/disk ;;
	xfs) xfs_repair -n /dev/mapper/disk ;;
	esac
}

# The module shows what the in-process reader shows, and a guest finds its own.
map_one() { # STATE WORKLOAD
	local image=$H/state.vhdx bytes

	cp --sparse=always "$1" "$image"
	bytes=$("$TOOL" dump --json "$image" | jq .virtual_bytes)
	map "$image" disk "$bytes" --readonly read_only
	"$BUILT/compare" "$image" /dev/mapper/disk
	unmap disk
	map "$image" disk "$bytes"
	case $2 in
	ext4|ledger|sqlite) mounted ext4 "${1%.vhdx}.marks" "$2" ;;
	xfs) mounted xfs "${1%.vhdx}.marks" "$2" ;;
	*) dd if=/dev/urandom of=/dev/mapper/disk bs=64k count=40 oflag=direct status=none ;;
	esac
	dump /dev/mapper/disk $H/dump
	unmap disk
	agree "$image" $H/dump
}

host_fs ext4
for state in "$dir"/*/states/[0-9]*.vhdx; do
	check "${state#"$dir"/}, mapped" map_one "$state" \
		"$(basename "$(dirname "$(dirname "$state")")")"
	rm -f $H/state.vhdx $H/dump
done
tap_done
