#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# unpack.sh DIR: unpack the images of foreign/MANIFEST into DIR, sparse,
# read-only, verified. What is there already and right is kept. Images that are
# neither in foreign/ nor in the folder $SAMPLES are named as SKIPPED.

set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
mkdir -p "$dir"

verified() { # FILE SHA256
	echo "$2  $1" | sha256sum -c --status 2>/dev/null
}

packed() { # NAME
	for folder in "$here/foreign" "${SAMPLES:-}"; do
		if [ -n "$folder" ] && [ -f "$folder/$1.xz" ]; then
			echo "$folder/$1.xz"
			return
		fi
	done
}

tab=$(printf '\t')
grep -v '^#' "$here/foreign/MANIFEST" |
while IFS=$tab read -r name raw _; do
	[ -f "$dir/$name" ] && verified "$dir/$name" "$raw" && continue
	from=$(packed "$name")
	if [ -z "$from" ]; then
		echo "SKIPPED $name: not packed here and not in SAMPLES" >&2
		continue
	fi
	rm -f "$dir/$name.part"
	xz -dc <"$from" >"$dir/$name.part"
	verified "$dir/$name.part" "$raw" ||
		{ echo "$name: wrong sha256 after unpacking" >&2; exit 1; }
	chmod a-w "$dir/$name.part"
	mv "$dir/$name.part" "$dir/$name"
done
