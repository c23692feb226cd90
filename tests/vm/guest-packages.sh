#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-packages.sh - packages for the guests alone, in the cache
#
#   guest-packages.sh
#
# Prints the folder of their .deb files. They would start servers here or be of no
# use here, so that nothing is installed: a guest unpacks what it needs over its own
# root. What is not yet on this machine of what they depend on is there, too. The first
# use downloads it; later uses need no network.
set -euo pipefail

. "$(dirname "$0")/cache.sh"
packages=(f2fs-tools nfs-kernel-server ocfs2-tools)
store=$CACHE/guest-packages

download() {
	apt-get -qq -y --download-only --no-install-recommends -o Debug::NoLocking=1 \
		-o "Dir::Cache::archives=$tmp" install "${packages[@]}" >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" >&2; return 1; }
}

if [ ! -d "$store" ]; then
	mkdir -p "$CACHE"
	tmp=$(mktemp -d "$store.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	echo "downloading ${packages[*]} for the guests" >&2
	mkdir "$tmp/partial"
	with_apt_lists download
	rm -rf "$tmp"/{partial,lock,log}
	mv -T "$tmp" "$store" 2>/dev/null || [ -d "$store" ]
fi
echo "$store"
