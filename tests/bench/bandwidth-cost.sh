#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/bandwidth-cost.sh [--check] [PART…]
# What netvitals bandwidth costs: per frame, beside no capture at all and tcpdump (when there is
# one); its own CPU time; its memory. Parts: frames cpu memory (all of them). The variants take
# turns, the medians are printed. With --check it fails when a limit is not kept. Needs root, ip,
# taskset; tests/bench/bandwidth-cost.sh memory wants a static build in NETVITALS.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/bandwidth-lab.sh
. tests/bench/bandwidth-lab.sh
[[ ${1-} == --inside ]] || enter "$0" "$@"
shift
alone

check='' parts=()
for word in "$@"; do
    case $word in
        --check) check=yes ;;
        *) parts+=("$word") ;;
    esac
done
((${#parts[@]})) || parts=(frames cpu memory)
router
rounds=${ROUNDS:-11}
seconds=${SECONDS_EACH:-20}
own=02:00:00:00:00:01
ebpf_ns_max=120 cpu_percent_max=0.3 rss_250_max=3072 rss_1000_max=5120

# The sender has a CPU for itself, as far as others leave it.
sender() { ip netns exec c1 taskset -c 0 "$BOARD" traffic eth0 "$@"; }

# begin VARIANT: whoever looks at the frames from now on; $pid.
begin() {
    case $1 in
        none) pid= ;;
        ebpf | ring) watch -i br-lan --capture "$1" ;;
        tcpdump)
            tcpdump -q -n -i lan1 -w /dev/null 2>"$work/errors" &
            pid=$!
            until grep -q listening "$work/errors"; do sleep 0.05; done
            ;;
    esac
    [[ -z $pid ]] || taskset -a -p -c 1 "$pid" >/dev/null
}

end() {
    [[ -z $pid ]] || kill -TERM "$pid"
    wait || true
    pid=
}

# Nanoseconds that the process $pid was on a CPU, all threads.
cpu_ns() {
    [[ -z $pid ]] && echo 0 && return
    cat /proc/"$pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# CPU time of everybody, in nanoseconds.
busy_ns() {
    awk '/^cpu / { printf "%.0f", ($2 + $3 + $4 + $7 + $8) * 10000000 }' /proc/stat
}

median() { sort -n | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'; }

# measure FRAMES VARIANT WORD…: appends to $work/VARIANT nanoseconds for each frame: of the
# sender, of the capture, of everybody on this machine.
measure() {
    local frames=$1 variant=$2 own_before busy_before
    shift 2
    begin "$variant"
    own_before=$(cpu_ns) busy_before=$(busy_ns)
    sender frames="$frames" "$@" >"$work/up"
    echo "$(sed -n 's/^sent.* cpu_us=//p' "$work/up") $(($(cpu_ns) - own_before))" \
        "$(($(busy_ns) - busy_before))" | awk -v frames="$frames" \
        '{ print $1 * 1000 / frames, $2 / frames, $3 / frames }' >>"$work/$variant"
    end
}

# The column $2 of the measurements of a variant, less that of no capture in the same round.
added() {
    paste -d ' ' "$work/$1" "$work/none" | awk -v column="$2" '{ print $column - $(column + 3) }'
}

# table NAME FRAMES WORD…
table() {
    local name=$1 frames=$2 variant variants=(none ebpf ring)
    shift 2
    ! command -v tcpdump >/dev/null || variants+=(tcpdump)
    rm -f "$work"/{none,ebpf,ring,tcpdump}
    for ((round = 0; round < rounds; round++)); do
        for variant in "${variants[@]}"; do measure "$frames" "$variant" "$@"; done
    done
    printf '%s, %s rounds of %s\n' "$name" "$rounds" "$frames"
    printf '  %-12s %12s %12s %14s %12s\n' 'ns per frame' sender 'more' 'the capture' 'machine more'
    for variant in "${variants[@]}"; do
        printf '  %-12s %12.0f %12.0f %14.1f %12.0f\n' "$variant" \
            "$(cut -d ' ' -f 1 "$work/$variant" | median)" "$(added "$variant" 1 | median)" \
            "$(cut -d ' ' -f 2 "$work/$variant" | median)" "$(added "$variant" 3 | median)"
    done
}

part_frames() {
    table "128 bytes from 20 devices to the router" 400000 from=02:10:00:00:00:01/20 to=$own
    holds "$(added ebpf 1 | median) <= $ebpf_ns_max" ||
        missed "eBPF adds at most $ebpf_ns_max ns to a plain frame"
    table "128 bytes from 20 devices to 20 others, flooded" 300000 \
        from=02:10:00:00:00:01/20 to=02:20:00:00:00:01/20
    table "GSO, 20 segments of 1514 bytes" 40000 from=02:10:00:00:00:01/20 to=$own \
        kind=tcp4/1448 bytes=29014
}

# Percent of one CPU, for so many seconds under load.
share() {
    local engine=$1 rate=$2 devices=$3 before lasting
    watch -i br-lan --capture "$engine" --interval 1s
    sender rate="$rate" seconds="$((seconds + 4))" from=02:10:00:00:00:01/"$devices" to=$own \
        >"$work/up" &
    local sender=$!
    sleep 2
    before=$(cpu_ns) lasting=$EPOCHREALTIME
    sleep "$seconds"
    percent=$(echo "$before $(cpu_ns) $lasting $EPOCHREALTIME" |
        awk '{ printf "%.3f", ($2 - $1) / ($4 - $3) / 1e7 }')
    wait "$sender"
    finish
    compare "$work/up"
    printf '  %-5s %9s frames/s %6s devices %10s %%  off by %s %%, lost %s\n' "$engine" "$rate" \
        "$people" "$percent" "$error_bytes" "$lost"
    [[ $engine == ring ]] || holds "$percent <= $cpu_percent_max" ||
        missed "at most $cpu_percent_max % of a CPU"
}

part_cpu() {
    local engine rate
    echo "own CPU time, $seconds s, windows of 1 s"
    for engine in ebpf ring; do
        for rate in 1000 50000 500000; do share $engine $rate 20; done
        share $engine 50000 250
    done
    share ebpf 50000 1000
}

# KiB of the BPF maps of the process $pid.
map_kib() {
    cat /proc/"$pid"/fdinfo/* 2>/dev/null | awk '
        /^map_id:/ { id = $2 } /^memlock:/ && id { bytes[id] = $2; id = "" }
        END { for (id in bytes) sum += bytes[id]; printf "%.0f", sum / 1024 }'
}

part_memory() {
    local engine devices peak limit
    echo "peak resident memory of $NETVITALS"
    for engine in ebpf ring; do
        for devices in 20 250 1000; do
            watch -i br-lan --capture "$engine"
            sender rate=20000 seconds=2 from=02:10:00:00:00:01/"$devices" to=$own >"$work/up"
            "$BOARD" traffic lan1 rate=20000 seconds=1 from=$own \
                to=02:10:00:00:00:01/"$devices" >"$work/down"
            windows 3
            peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
            local maps
            maps=$(map_kib)
            finish
            compare "$work/up" "$work/down"
            printf '  %-5s %5s devices %7s KiB, maps in the kernel %5s KiB, off by %s %%\n' \
                "$engine" "$people" "$peak" "$maps" "$error_bytes"
            limit=$rss_1000_max
            ((devices > 250)) || limit=$rss_250_max
            [[ $engine == ring ]] || ((peak <= limit)) || missed "at most $limit KiB"
        done
    done
}

for part in "${parts[@]}"; do "part_$part"; done
echo "limits not kept: $failed"
[[ -z $check || $failed = 0 ]]
