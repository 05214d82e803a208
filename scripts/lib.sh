# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts of this folder share. To be sourced, not run.

# Where downloads and kernel builds are kept between runs and clones.
cache=${QDS_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/qds}

# say TEXT: one line of progress, on stderr because stdout may be a result.
say()
{
	printf '%s\n' "$*" >&2
}

# die TEXT...: each argument is a line; the first is what failed, the others
# say what to do.
die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@" >&2
	exit 1
}

# usage: the comment block that opens the script, without the comment signs.
usage()
{
	sed -n '3,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# quietly LOG COMMAND...: keep the output in LOG, show its end on failure.
quietly()
{
	local log=$1

	shift
	mkdir -p "${log%/*}"
	if ! "$@" >"$log" 2>&1; then
		tail -n 25 "$log" >&2
		say "the whole log is $log"
		return 1
	fi
}

# lock FILE: until the script ends nobody else holds a lock on it.
lock()
{
	mkdir -p "${1%/*}" 2>/dev/null && [ -w "${1%/*}" ] ||
		die "cannot write to ${1%/*}" \
		    "work in a clone of your own, and if it is the cache that cannot" \
		    "be written, set QDS_CACHE to a directory that can"
	exec {lock_fd}>"$1"
	if ! flock -n "$lock_fd"; then
		say "waiting for another run that has locked $1"
		flock "$lock_fd"
	fi
}

# unlock: the last file locked.
unlock()
{
	exec {lock_fd}>&-
}

# no_spaces PATH: make and kbuild split their paths at white space.
no_spaces()
{
	case $1 in
	*[[:space:]:]*)
		die "kbuild cannot work below a path with a space or a colon: $1" \
		    "move the clone, or set QDS_CACHE when it is the cache" ;;
	esac
}

# debian_host HINT: everything that is fetched or installed is Debian's, amd64.
debian_host()
{
	local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'

	# shellcheck source=/dev/null
	[ ! -r /etc/os-release ] || . /etc/os-release
	# Testing and unstable have no VERSION_ID.
	if [ "$ID" != debian ] || [ "${VERSION_ID:-99}" -lt 12 ]; then
		die "this needs Debian 12 or newer, and here is $PRETTY_NAME" "$@"
	fi
	if [ "$(dpkg --print-architecture)" != amd64 ]; then
		die "this needs an amd64 system, and here is $(uname -m)" "$@"
	fi
}

# apt_update: once in a run, and only by root.
apt_update()
{
	[ -z "${apt_updated:-}" ] || return 0
	[ "$(id -u)" = 0 ] ||
		die "the package lists are missing or out of date" \
		    "run as root: apt-get update"
	say "updating the package lists"
	quietly "$cache/log/apt-get-update" apt-get -q update ||
		die "apt-get update failed"
	apt_updated=1
}
