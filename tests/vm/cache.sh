# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Where downloads and everything made from them are kept. Sourced, never run.

CACHE=${DM_VHDX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-vhdx}
export CACHE

# as_root CMD...: run a command as root, with sudo where this is not root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# with_apt_lists CMD...: run a command; should it fail, refresh apt's lists once
# and run it again. Old lists name packages that the archive no longer has.
with_apt_lists() {
	"$@" && return 0
	echo "refreshing the package lists" >&2
	as_root apt-get -qq update >&2 || return 1
	"$@"
}
