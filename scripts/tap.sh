# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Writing TAP from bash. To be sourced, not run.

tap_count=0
tap_failed=0
tap_log=$(mktemp)
trap 'rm -f "$tap_log"' EXIT

tap_begin()
{
	echo "TAP version 13"
}

# tap_result STATUS NAME: 0 is a pass.
tap_result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

# tap_test NAME COMMAND...: passes if the command does; shows why it did not.
tap_test()
{
	local name=$1 status

	shift
	("$@") >"$tap_log" 2>&1 </dev/null
	status=$?
	[ $status = 0 ] || head -n 60 "$tap_log" | tr -d '\000' | sed 's/^/# /'
	tap_result $status "$name"
}

# tap_nested NAME COMMAND...: the command prints TAP of its own. The line that
# opens it makes a command that prints none a failure.
tap_nested()
{
	local name=$1

	shift
	echo "    # Subtest: $name"
	"$@" </dev/null | sed -u 's/^/    /'
	tap_result "${PIPESTATUS[0]}" "$name"
}

tap_skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_end: the plan comes last, so a script that died early has none.
tap_end()
{
	echo "1..$tap_count"
	[ $tap_failed = 0 ]
}
