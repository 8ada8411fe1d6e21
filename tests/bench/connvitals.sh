#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/connvitals.sh [--check]
# Pings, traces and port checks in network namespaces of their own, side by side with fping, ping,
# traceroute and mtr as far as they are installed: wall and CPU time, losses, round trips, routes.
# With --check it fails when a limit is not kept. Needs root or user namespaces, ip, nft, GNU time.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1-} != --inside ]]; then
    target=${CARGO_TARGET_DIR:-target}
    cargo build --quiet --locked --release
    flags=(--net --mount)
    [[ $(id -u) = 0 ]] || flags+=(--map-root-user)
    exec unshare "${flags[@]}" "$0" --inside "${1-}" "$target"
fi

# Nothing is ever sent where there is another interface than our own.
[[ $(awk 'NR > 2' /proc/net/dev | wc -l) = 1 ]] || {
    echo "not in a network namespace of its own: refused" >&2
    exit 1
}
check=$2 netvitals=$(realpath "$3")/release/netvitals
mount -t tmpfs tmpfs /run
mkdir /run/netns
work=$(mktemp -d)
busy=()
trap 'kill "${busy[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
failed=0

# keep WHAT CONDITION: an awk condition that has to hold.
keep() {
    awk "BEGIN { exit !($2) }" || {
        echo "  not kept: $1 ($2)"
        failed=1
    }
}

# router NAME: a namespace that forwards, and answers as often as it is asked.
router() {
    ip netns add "$1"
    ip -n "$1" link set lo up
    ip netns exec "$1" sh -c '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 0 >/proc/sys/net/ipv4/icmp_ratemask'
}

# join LEFT DEVICE ADDRESS RIGHT DEVICE ADDRESS: a cable.
join() {
    ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
    ip -n "$1" address add "$3" dev "$2"
    ip -n "$4" address add "$6" dev "$5"
    ip -n "$1" link set "$2" up
    ip -n "$4" link set "$5" up
}

ip link set lo up
ip netns attach client $$

echo "1000 hosts, 3 echoes each, 30 of the hosts silent"
router hosts
join client wan0 10.20.0.1/16 hosts wan1 10.20.0.2/16
ip -n hosts link set wan1 down
for ((i = 0; i < 1000; i++)); do
    echo "address add 10.21.$((i / 250)).$((i % 250 + 1))/32 dev lo"
done | ip -n hosts -batch -
ip -n hosts link set wan1 up
ip route add 10.21.0.0/16 via 10.20.0.2
ip netns exec hosts nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0
        ip daddr 10.21.3.221-10.21.3.250 icmp type echo-request drop
    }
}
END
for ((i = 0; i < 1000; i++)); do echo "10.21.$((i / 250)).$((i % 250 + 1))"; done >"$work/hosts"
sleep 0.5

# measure NAME COMMAND…: wall, CPU and memory; the best of five. Sets wall, cpu.
measure() {
    local name=$1
    shift
    for _ in 1 2 3 4 5; do
        /usr/bin/time -a -o "$work/time.$name" -f '%e %U %S %M' "$@" >"$work/$name" 2>&1 || true
    done
    read -r wall cpu peak < <(grep -E '^[0-9.]+ [0-9.]+' "$work/time.$name" |
        awk '{ c = $2 + $3; if (NR == 1 || $1 < w) w = $1; if (NR == 1 || c < m) m = c
            if ($4 > p) p = $4 } END { print w, m, p }')
    printf '%-24s %6.2f s wall %6.3f s CPU %6d KiB\n' "$name" "$wall" "$cpu" "$peak"
}

mapfile -t hosts <"$work/hosts"
measure netvitals "$netvitals" connvitals -p3 --spacing 200ms --timeout 200ms "${hosts[@]}"
ours_wall=$wall ours_cpu=$cpu
lost=$(grep -c $'\t100.000$' "$work/netvitals" || true)
echo "  hosts silent: $lost"
keep "30 hosts are silent" "$lost == 30"
if command -v fping >/dev/null; then
    measure fping fping -q -C 3 -i 0.1 -p 200 -t 200 -f "$work/hosts"
    silent=$(grep -c ' : - - -$' "$work/fping" || true)
    echo "  hosts silent: $silent"
    keep "as many as fping" "$lost == $silent"
    keep "wall" "$ours_wall <= 1.1 * $wall"
    keep "CPU" "$ours_cpu <= 1.1 * $cpu"
fi

# rtt NAME: medians in microseconds, of 200 pings at 10 ms.
rtt() {
    local ours theirs
    ours=$(for _ in {1..200}; do "$netvitals" connvitals -p1 10.20.0.2; done |
        awk -F'\t' 'NF == 5 { print $1 * 1000 }' | sort -n | sed -n 100p)
    theirs=$(for _ in {1..200}; do ping -c1 -q 10.20.0.2; done |
        awk -F'[=/ ]+' '/^rtt/ { print $6 * 1000 }' | sort -n | sed -n 100p)
    printf '%-24s netvitals %s us, ping %s us\n' "$1" "$ours" "$theirs"
    keep "within $2 us" "($ours - $theirs)^2 <= $2 ^ 2"
}

if command -v ping >/dev/null; then
    rtt "median, idle" 20
    for ((i = 0; i < $(nproc); i++)); do
        (while :; do :; done) &
        busy+=($!)
    done
    rtt "median, all cores busy" 50
    kill "${busy[@]}"
    busy=()
fi

echo "30 hops, five of them silent"
previous=client
for ((i = 1; i <= 30; i++)); do
    router "hop$i"
    join "$previous" "out$i" "10.30.$i.1/24" "hop$i" "in$i" "10.30.$i.2/24"
    ip -n "hop$i" route add default via "10.30.$i.1"
    for ((j = 1; j < i; j++)); do
        from=$([[ $j = 1 ]] && echo client || echo "hop$((j - 1))")
        ip -n "$from" route add "10.30.$i.0/24" via "10.30.$j.2"
    done
    previous=hop$i
done
for i in 3 7 12 20 29; do
    ip netns exec "hop$i" nft -f - <<'END'
table inet t {
    chain o {
        type filter hook output priority 0
        icmp type time-exceeded drop
    }
}
END
done
sleep 0.5
measure trace "$netvitals" connvitals -tP 10.30.30.2
keep "1.5 s" "$wall <= 1.5"
awk -F'\t' 'NR > 1 { print $1 }' "$work/trace" >"$work/route"
keep "30 hops" "$(wc -l <"$work/route") == 30"
keep "5 silent" "$(grep -c '^\*$' "$work/route") == 5"
if command -v traceroute >/dev/null; then
    measure traceroute traceroute -n -q1 -w1 -m 30 10.30.30.2
    awk 'NR > 1 { print $2 }' "$work/traceroute" >"$work/theirs"
    diff "$work/theirs" "$work/route" && echo "  the same path"
    keep "the path of traceroute" "$(cmp -s "$work/theirs" "$work/route" && echo 1 || echo 0)"
fi
if command -v mtr >/dev/null; then
    measure mtr mtr -n -r -c 1 -m 30 10.30.30.2
    awk '/\|--/ { print $2 == "???" ? "*" : $2 }' "$work/mtr" >"$work/theirs"
    diff "$work/theirs" "$work/route" && echo "  the same path"
    keep "the path of mtr" "$(cmp -s "$work/theirs" "$work/route" && echo 1 || echo 0)"
fi
[[ $check != --check || $failed = 0 ]]
