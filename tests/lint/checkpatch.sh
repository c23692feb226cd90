#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# checkpatch.sh - checkpatch.pl --strict on all C
#
# The script comes from Debian's linux-source package and is kept in the cache.
set -euo pipefail

# What is not asked for, because these are files and not patches to the kernel,
# and because the core is compiled into userspace as well:
everywhere=(
	FILE_PATH_CHANGES	# there is no MAINTAINERS file here
	COMPLEX_MACRO		# X-macros are lists, not expressions
	MACRO_ARG_REUSE		# the same lists
	MACRO_ARG_UNUSED	# the same lists
	LINUX_VERSION_CODE	# compat.h is there for that; sources.sh guards it
	OPEN_ENDED_LINE		# long names in 80 columns
	CONSTANT_COMPARISON	# mistakes KERNEL_VERSION() for a constant on the left
)
core=(
	BIT_MACRO		# BIT() is the kernel's
	NEW_TYPEDEFS		# on-disk GUIDs
)
table=(
	LONG_LINE		# finding.h: one finding, one line
)
gate=(				# platform.h makes outside the kernel what the kernel has:
	CAMELCASE		# _Static_assert
	MEMORY_BARRIER		# READ_ONCE and friends
	PREFER_KERNEL_TYPES	# this is where they are made
	PREFER_DEFINED_ATTRIBUTE_MACRO # __packed and friends
	VOLATILE
)
userspace=(
	BIT_MACRO		# BIT() is the kernel's
	CAMELCASE		# struct CMUnitTest
	CONSIDER_COMPLETION	# there is none
	EMBEDDED_FUNCTION_NAME	# a verb of the tool in a message is no function's name
	ENOSYS			# libc says it for more than system calls
	LINE_SPACING		# takes declarations with a cleanup attribute for code
	MINMAX			# min_t exists in the core only
	NEW_TYPEDEFS		# guid_t and friends
	PREFER_DEFINED_ATTRIBUTE_MACRO # they are the kernel's
	PREFER_KERNEL_TYPES	# the public header of the library speaks C99
	AVOID_EXTERNS		# cmocka has no header for what a test wraps
)

cd "$(dirname "$0")/../.."
. tests/vm/cache.sh
. tests/tap.sh

home=$CACHE/checkpatch
files=(checkpatch.pl spelling.txt const_structs.checkpatch)

download() { apt-get -qq download linux-source-6.12; }

fetch() (
	mkdir -p "$CACHE"
	tmp=$(mktemp -d "$home.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	chmod 755 "$tmp"
	cd "$tmp"
	with_apt_lists download 2>/dev/null || return 1
	dpkg-deb --fsys-tarfile ./*.deb | tar -xO ./usr/src/linux-source-6.12.tar.xz |
		tar -xJ --strip-components=2 "${files[@]/#/linux-source-6.12/scripts/}"
	rm ./*.deb
	mv -T "$tmp" "$home" 2>/dev/null || [ -d "$home" ]
)

if [ ! -d "$home" ] && ! fetch; then
	tap_skip 'checkpatch --strict' 'linux-source-6.12 cannot be downloaded'
	tap_done
	exit
fi

# It leaves a file in the folder where it runs: not here, then.
check() { # TYPES-TO-IGNORE FILE...
	local ignored=$1
	shift

	set -- "${@/#/$PWD/}"
	cd "$home"
	printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -n 8 ./checkpatch.pl --no-tree --strict \
		--terse --quiet --no-summary --showfile --show-types --max-line-length=100 \
		--ignore "$ignored" --file
}

join() { local IFS=,; echo "$*"; }

ours() {
	git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
		while read -r file; do
			if [ -f "$file" ]; then echo "$file"; fi
		done
}

# style NAME FILE-PATTERN... IGNORED
style() {
	local name=$1 files
	mapfile -t files < <(ours "${@:2:$(($# - 2))}")
	tap_check "checkpatch --strict: $name, ${#files[@]} files" check "${!#}" "${files[@]}"
}

gate_file=dm-vhdx/core/platform.h
table_file=dm-vhdx/core/finding.h
style 'the gate' $gate_file "$(join "${everywhere[@]}" "${core[@]}" "${gate[@]}")"
style 'the findings' $table_file "$(join "${everywhere[@]}" "${table[@]}")"
style 'the core' 'dm-vhdx/core/*.[ch]' ":!$gate_file" ":!$table_file" \
	"$(join "${everywhere[@]}" "${core[@]}")"
style 'the module' ':(glob)dm-vhdx/*.[ch]' "$(join "${everywhere[@]}")"
style 'userspace' 'userspace/*.[ch]' "$(join "${everywhere[@]}" "${userspace[@]}")"
style 'the tests' 'tests/*.[ch]' "$(join "${everywhere[@]}" "${userspace[@]}")"
tap_done
