#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# contents.sh DIR - hash what map_samples.t has seen on its devices
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh

hash_is() { # FILE SHA256
	echo "$2  $1" | sha256sum -c --quiet
}

while IFS=$'\t' read -r name _ _ content _; do
	[ ! -f "$1/$name" ] ||
		tap_check "$name, as the device showed it" hash_is "$1/$name" "$content"
done < <(grep -v '^#' tests/images/foreign/MANIFEST)
tap_done
