#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/openwrt/flash.sh [SECONDS]
# What the agent writes to flash at the settings that are shipped, for a minute or so many seconds:
# nothing. /tmp and /var/run are RAM, as on OpenWrt; one output is a file there, the other a server
# that nobody runs, so that the spool fills. The kernel counts for each process what goes to storage
# (write_bytes in proc_pid_io(5); RAM is not counted); a second run with the spool on the disk shows
# that it does. Needs root; $NETVITALS is the binary (default: target/debug/netvitals).
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${NETVITALS:-target/debug/netvitals}")
seconds=${1:-60}

case ${1-} in
    -h | --help)
        sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
        exit 0
        ;;
esac
[[ $(id -u) == 0 && -r /proc/self/io ]] || {
    echo "flash.sh: nothing was measured: it needs root, and a kernel with /proc/PID/io"
    exit 0
}
[[ -x $binary ]] || { echo "flash.sh: $binary is missing; cargo build" >&2 && exit 1; }
disk=$(mktemp -d "$PWD/target/flash.XXXXXX")
trap 'rm -rf "$disk"' EXIT
# Other directories are covered by RAM below.
cp "$binary" "$disk/netvitals"

# The configuration that is shipped, enabled, with two outputs.
sed "s/enabled '0'/enabled '1'/" openwrt/netvitals/files/netvitals.conf \
    >"$disk/config"
cat >>"$disk/config" <<'END'
config output 'latest'
	option type 'file'
	option path '/tmp/netvitals/latest.json'
config output 'es'
	option type 'elastic'
	option url 'http://127.0.0.1:9'
END

# Runs the agent for $2 seconds with the configuration $1; prints bytes to storage, documents, bytes
# in the spool.
run() {
    # shellcheck disable=SC2016 # of the inner shell
    unshare --mount --net bash -euc '
        mount -t tmpfs none /tmp
        mount -t tmpfs none "$(realpath /var/run)"
        mkdir -p /tmp/netvitals
        ip link set lo up
        ip link add lan type veth peer name device
        ip addr add 192.0.2.1/24 dev lan
        ip link set lan up
        ip link set device up
        "$1" agent --config "$2" 2>/tmp/errors >/dev/null &
        agent=$!
        # Until then, or until it ends, which it must not.
        if timeout "$3" tail --pid="$agent" -f /dev/null; then
            cat /tmp/errors >&2
            exit 1
        fi
        written=$(sed -n "s/^write_bytes: //p" /proc/$agent/io)
        documents=$(sed "s/.*\"sequence\":\([0-9]*\).*/\1/" /tmp/netvitals/latest.json)
        spool=$(du -sb "$4" | cut -f1)
        kill $agent
        wait $agent || cat /tmp/errors >&2
        echo "$written $documents $spool"
    ' run "$disk/netvitals" "$@"
}

read -r written documents spooled < <(run "$disk/config" "$seconds" /tmp/netvitals/spool)
mkdir "$disk/spool"
chmod 0700 "$disk/spool"
sed "s|^config netvitals.*|&\n\toption spool '$disk/spool'|" "$disk/config" >"$disk/control"
read -r control _ < <(run "$disk/control" 12 "$disk/spool")
echo "flash.sh: $seconds s, $documents documents, $spooled bytes in the spool (RAM):" \
    "$written bytes to storage; with the spool on the disk, in 12 s: $control"
((written == 0 && control > 0 && spooled > 0 && documents >= seconds / 5 - 2))
