#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Run by the feed in a container with the package installed: $1 is its name, $2 its version.

fail() {
	echo "FAIL: $*"
	exit 1
}

case "$1" in
netvitals | netvitals-full) ;;
*) exit 0 ;;
esac

for option in --version -V; do
	netvitals "$option" | grep -F "$2" || fail "netvitals $option does not tell $2"
done

applets='netmon connvitals connmonitor'
[ "$1" = netvitals ] || applets="$applets connspy connspy-stream tstat_send tstat_cull"
for applet in $applets; do
	[ "$(readlink "/usr/bin/$applet")" = netvitals ] || fail "/usr/bin/$applet is no link"
	"$applet" --version | grep -F "$2" || fail "$applet --version does not tell $2"
done

netvitals netmon -i lo --interval 100ms | grep '"lo"' || fail "netmon sees no loopback"
netvitals agent --config /etc/config/netvitals --once --interval 1s --no-ptr |
	grep -o '"messageType":"realtimeSnapshot"' || fail "agent shows no snapshot"

for file in /etc/passwd /etc/group; do
	grep '^netvitals:' "$file" || fail "$file has no netvitals"
done

for file in /etc/capabilities/netvitals*.json; do
	jsonfilter -i "$file" -e '@.ambient[*]' | grep -x CAP_NET_RAW || fail "$file grants nothing"
done

sh -n /etc/init.d/netvitals || fail "the init script is not valid"
uci show netvitals.main | grep -F "netvitals.main.enabled='0'" || fail "it starts unasked"
find /etc/config/netvitals -perm 0600 | grep . || fail "the configuration is open to all"
