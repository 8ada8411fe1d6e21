#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/devices.sh [--check]
# Sweeps of a LAN in a network namespace of its own, side by side with arp-scan and nmap: found,
# wall time, CPU time, peak memory. With --check it fails when a limit is not kept. Needs root or
# user namespaces, ip, GNU time; arp-scan and nmap as far as they are installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1-} != --inside ]]; then
    target=${CARGO_TARGET_DIR:-target}
    cargo build --quiet --locked --release
    CARGO_TARGET_DIR=$target/board cargo build --quiet --locked --release \
        --manifest-path tests/board/Cargo.toml
    flags=(--net)
    [[ $(id -u) = 0 ]] || flags+=(--map-root-user)
    exec unshare "${flags[@]}" "$0" --inside "${1-}" "$target"
fi

# Nothing is ever sent where there is another interface than our own.
[[ $(awk 'NR > 2' /proc/net/dev | wc -l) = 1 ]] || {
    echo "not in a network namespace of its own: refused" >&2
    exit 1
}
check=$2 target=$(realpath "$3")
netvitals=$target/release/netvitals board=$target/board/release/board
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

"$board" veth lan0 peer0
ip link set lo up
printf '%-34s %6s %8s %8s %9s\n' "" found wall/s CPU/s "peak/KiB"

# run NAME FIRST ALIVE LOST FOUND_MIN SECONDS_MAX COMMAND…: lines with a MAC address are devices.
run() {
    local name=$1 first=$2 alive=$3 lost=$4 found_min=$5 seconds_max=$6 found
    shift 6
    "$board" lan peer0 "$first" "$alive" "$lost" \
        /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/err" || true
    found=$(grep -ciE '02:01(:[0-9a-f]{2}){4}' "$work/out" || true)
    read -r wall user system peak < <(tail -n 1 "$work/time")
    awk -v name="$name" -v found="$found" -v wall="$wall" -v u="$user" -v s="$system" \
        -v peak="$peak" 'BEGIN {
            printf "%-34s %6d %8.2f %8.2f %9d\n", name, found, wall, u + s, peak }'
    if ((found < found_min)) || awk "BEGIN { exit !($wall > $seconds_max) }"; then
        echo "  not kept: at least $found_min in $seconds_max s"
        failed=1
    fi
}

no=999999
ip address add 10.9.0.1/24 dev lan0
echo "/24, 250 alive"
run "netvitals devices" 10.9.0.2 250 0 250 0.7 "$netvitals" devices -i lan0
run "netvitals devices --json" 10.9.0.2 250 0 250 0.7 "$netvitals" devices -i lan0 --json
if command -v arp-scan >/dev/null; then
    run "arp-scan" 10.9.0.2 250 0 0 $no arp-scan -I lan0 -q 10.9.0.0/24
    run "arp-scan -r 1 -t 100" 10.9.0.2 250 0 0 $no arp-scan -I lan0 -q -r 1 -t 100 10.9.0.0/24
fi
if command -v nmap >/dev/null; then
    run "nmap -sn -PR -n" 10.9.0.2 250 0 0 $no nmap -sn -PR -n -e lan0 10.9.0.0/24
fi
echo "/24, 250 alive, 10 % of the requests lost"
run "netvitals devices --retry 3" 10.9.0.2 250 10 249 2.5 "$netvitals" devices -i lan0 --retry 3
if command -v arp-scan >/dev/null; then
    run "arp-scan -r 4" 10.9.0.2 250 10 0 $no arp-scan -I lan0 -q -r 4 10.9.0.0/24
fi
if command -v nmap >/dev/null; then
    run "nmap -sn -PR -n" 10.9.0.2 250 10 0 $no nmap -sn -PR -n -e lan0 10.9.0.0/24
fi
ip address flush dev lan0
ip address add 10.9.0.1/22 dev lan0
echo "/22, 1000 alive"
run "netvitals devices" 10.9.0.2 1000 0 1000 1.6 "$netvitals" devices -i lan0
run "netvitals devices --rate 4000" 10.9.0.2 1000 0 1000 1.0 \
    "$netvitals" devices -i lan0 --rate 4000
if command -v arp-scan >/dev/null; then
    run "arp-scan" 10.9.0.2 1000 0 0 $no arp-scan -I lan0 -q 10.9.0.0/22
fi
if command -v nmap >/dev/null; then
    run "nmap -sn -PR -n" 10.9.0.2 1000 0 0 $no nmap -sn -PR -n -e lan0 10.9.0.0/22
fi
[[ $check != --check || $failed = 0 ]]
