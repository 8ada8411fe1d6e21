#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/openwrt/run.sh [PART…] [--bless]
# What runs on routers and servers beside the binary: init script, schedules, packages, install.sh.
# Without a part all of them: syntax, init, schedules, jail, packages, recipe, deb, units, install.
# The init script runs in a scratch root under busybox's sh, with stand-ins for OpenWrt's functions
# (root/) that write down what procd would be told; --bless writes that to expected/ instead of
# comparing. Needs root; changes nothing outside of a temporary directory.
# shellcheck disable=SC2016,SC1003 # much is quoted for somebody else
set -euo pipefail
cd "$(dirname "$0")/../.."
tests=tests/openwrt
files=openwrt/netvitals/files

case ${1-} in
    -h | --help)
        sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
        exit 0
        ;;
esac
[[ $(id -u) == 0 ]] || {
    echo "packages: not root: nothing was tested; run as root"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 checks=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# check WHAT EXPECTED FOUND
check() {
    checks=$((checks + 1))
    [[ $2 == "$3" ]] || fail "$1"$'\n'"$(diff <(echo "$2") <(echo "$3") || true)"
}

# contains WHAT PART TEXT
contains() {
    checks=$((checks + 1))
    [[ $3 == *"$2"* ]] || fail "$1: no '$2' in: $3"
}

bless=
# compare NAME TEXT: with what is expected.
compare() {
    local file="$tests"/expected/$1.txt
    if [[ $bless ]]; then
        echo "$2" >"$file"
    else
        check "$1 (see $file)" "$(cat "$file")" "$2"
    fi
}

part_syntax() {
    local script
    for script in "$files"/netvitals.{init,defaults} openwrt/netvitals/test.sh openwrt/install.sh \
        openwrt/debian/p* "$tests"/router/etc/rc.common "$tests"/router/lib/functions.sh \
        "$tests"/router/lib/functions/network.sh "$tests"/router/{bin/ubus,sbin/uci}; do
        checks=$((checks + 1))
        busybox ash -n "$script" || fail "$script: not for busybox"
        shellcheck -x "$script" || fail "$script: shellcheck"
    done
    shellcheck -x openwrt/pack.sh "$tests"/*.sh || fail "shellcheck"
    for script in "$files"/*.json; do
        python3 -m json.tool "$script" >/dev/null || fail "$script: not JSON"
    done
    # Every option of the program stands in the file that is shipped.
    while read -r option; do
        checks=$((checks + 1))
        grep -qE "(option|list) $option '" "$files"/netvitals.conf ||
            fail "netvitals.conf: no option $option"
    done < <(sed -n '/^const [A-Z]*: &str/,/";/s/^\([a-z_]*\)|.*/\1/p' src/cmd/config/tables.rs)
}

for part in service refused packages installed; do
    # shellcheck source=/dev/null
    . "$tests/$part.sh"
done

parts=()
for word; do
    case $word in
        --bless) bless=1 ;;
        *) parts+=("$word") ;;
    esac
done
((${#parts[@]})) || parts=(syntax init schedules jail packages recipe deb units install)
for part in "${parts[@]}"; do "part_$part"; done
echo "packages: $checks checks, $failures failures"
((failures == 0))
