#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/bandwidth.sh [--check] [ebpf|ring] [PART…]
# What netvitals bandwidth counts, beside what was sent: a router, two clients and a provider in
# network namespaces of their own. Parts: rates kinds tcp bridge move speed stop flood (all).
# With --check it fails when a device is off by more than 0.1 % or another limit is not kept.
# Needs root and ip. NETVITALS names another binary than that of this source.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/bandwidth-lab.sh
. tests/bench/bandwidth-lab.sh
[[ ${1-} == --inside ]] || enter "$0" "$@"
shift
alone

check='' engines=() parts=()
for word in "$@"; do
    case $word in
        --check) check=yes ;;
        ebpf | ring) engines+=("$word") ;;
        *) parts+=("$word") ;;
    esac
done
((${#engines[@]})) || engines=(ebpf ring)
((${#parts[@]})) || parts=(rates kinds tcp bridge move speed stop flood)
error_max=0.1 # percent
router

in_c1() { ip netns exec c1 "$@"; }
in_c2() { ip netns exec c2 "$@"; }
in_isp() { ip netns exec isp "$@"; }
lan=02:00:00:00:00:01

row() { printf '%-5s %-34s %9s %7s %9s %9s %7s %8s  %s\n' "$@"; }

# report NAME [WAN_SHARE]: a line of the table; the share of routed bytes that must be kept.
report() {
    row "$wanted" "$1" "$sent" "$people" "$error_bytes" "$error_frames" "$wan_share" "$lost" \
        "$codes"
    [[ $engine == "$wanted" ]] || missed "the frames were counted by $engine"
    ((people > 0)) || missed "nobody sent anything"
    holds "$error_bytes <= $error_max && $error_frames <= $error_max" ||
        missed "at most $error_max % off"
    [[ -z ${2-} || $wan_share == "$2" ]] || missed "$2 % of the bytes are routed"
}

# The same for a fixed number of devices; nobody may be lost, nothing invented.
report_all() {
    report "$@"
    ((lost == 0)) || missed "no frame is lost"
    ((other_frames == 0)) || missed "$other_frames frames of others than these"
}

# traffic NAME WORD…: a sender whose account is kept as NAME.
traffic() { "$BOARD" traffic "${@:2}" >"$work/$1"; }

# Frames per second of senders that took turns.
mean_rate() {
    sed -n 's/^sent frames=\([0-9]*\).* us=\([0-9]*\).*/\1 \2/p' |
        awk '{ frames += $1; us += $2 } END { printf "%.0f", frames * 1000000 / us }'
}

# To and from twenty devices behind one port, for three seconds each way.
part_rates() {
    local rate reached seconds=3
    for rate in 1000 10000 50000 500000; do
        watch -i br-lan --capture "$wanted"
        in_c1 "$BOARD" traffic eth0 rate=$rate seconds=$seconds from=02:10:00:00:00:01/20 \
            to=$lan bytes=128 >"$work/up"
        traffic down lan1 rate=$rate seconds=$seconds from=$lan to=02:10:00:00:00:01/20 bytes=256
        finish
        compare "$work/up" "$work/down"
        # Whether the sender kept that rate tells its own account.
        reached=$(cat "$work/up" "$work/down" | mean_rate)
        if ((rate > 50000)); then
            report "$rate frames/s ($reached reached)" 100.00
        else
            report_all "$rate frames/s ($reached reached)" 100.00
        fi
    done
}

# Each kind of frame, both ways, at 20 000 a second.
part_kinds() {
    local name words
    while IFS='|' read -r name words; do
        watch -i br-lan --capture "$wanted"
        # shellcheck disable=SC2086 # several words
        in_c1 "$BOARD" traffic eth0 rate=20000 frames=20000 from=02:10:00:00:00:01/20 \
            to=$lan $words >"$work/up"
        # shellcheck disable=SC2086
        traffic down lan1 rate=20000 frames=20000 from=$lan to=02:10:00:00:00:01/20 $words
        finish
        compare "$work/up" "$work/down"
        report_all "$name" 100.00
    done <<'END'
IPv4, 60 bytes|bytes=60
IPv4, 1514 bytes|bytes=1514
IPv6|kind=udp6 bytes=200
IPv4, VLAN tag 7|vlan=7 bytes=118
IPv6, VLAN tag 7|vlan=7 kind=udp6 bytes=218
an unknown type|kind=plain bytes=60
an unknown type, 14 bytes|kind=plain bytes=14
GSO, 20 segments|kind=tcp4/1448 bytes=29014
GSO, 20 segments, VLAN tag 7|kind=tcp4/1448 bytes=29018 vlan=7
END
    watch -i br-lan --capture "$wanted"
    in_c1 "$BOARD" traffic eth0 rate=20000 frames=20000 from=02:10:00:00:00:01/20 >"$work/up"
    finish
    compare "$work/up"
    report_all "broadcast"
    # The bridge sends each on to the other port: seen, but not counted again.
    ((group_frames == 20000 && group_bytes == 20000 * 128)) ||
        missed "multicast is $group_frames frames, $group_bytes bytes"
}

# segments WORD MAC SYN FILE: the account of one end of a connection. Every segment has a time
# stamp (66 bytes of headers), the first has more options; that of the end that was connected to
# (SYN=1) is not in its count.
segments() {
    awk -v OFMT=%.0f -v word="$1" -v mac="$2" -v syn="$3" '{
        for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
        frames = value["segments"] + syn
        print word, mac, frames, value["payload"] + 66 * frames + 8
        print "sent", "frames=" frames
    }' "$4"
}

# transfer FROM TO ADDRESS MAC_FROM MAC_TO [BYTES_PER_SECOND]: 200 MB; the MAC addresses are those
# of devices, or -.
transfer() {
    ip netns exec "$2" "$BOARD" tcp-sink "$3:5001" >"$work/sink" &
    local sink=$!
    until ip netns exec "$2" ss -Hltn 'sport = 5001' | grep -q .; do sleep 0.05; done
    ip netns exec "$1" "$BOARD" tcp-send "$3:5001" 200000000 "${@:6}" >"$work/send"
    wait "$sink"
    if [[ $4 != - ]]; then segments tx "$4" 0 "$work/send" && segments rx "$4" 1 "$work/sink"; fi
    if [[ $5 != - ]]; then segments tx "$5" 1 "$work/sink" && segments rx "$5" 0 "$work/send"; fi
}

# counters: of the veth of c1 at the router, as an account.
counters() {
    local statistics=/sys/class/net/lan1/statistics
    echo "tx 02:00:00:00:01:01 $(cat $statistics/rx_packets $statistics/rx_bytes | xargs)"
    echo "rx 02:00:00:00:01:01 $(cat $statistics/tx_packets $statistics/tx_bytes | xargs)"
}

offload() {
    local name
    for name in lan1 lan2 wan0 br-lan; do "$BOARD" offload "$name" "$1"; done
    for name in c1 c2 isp; do ip netns exec "$name" "$BOARD" offload eth0 "$1"; done
}

part_tcp() {
    local one=02:00:00:00:01:01 two=02:00:00:00:01:02
    offload on
    watch -i br-lan --capture "$wanted"
    transfer c1 isp 10.8.0.2 $one - >"$work/up"
    transfer isp c1 10.9.0.2 - $one >"$work/down"
    finish
    compare "$work/up" "$work/down"
    report_all "TCP with GSO, to and from the WAN" 100.00

    watch -i br-lan --capture "$wanted"
    transfer c1 c2 10.9.0.3 $one $two >"$work/up"
    finish
    compare "$work/up"
    report_all "TCP with GSO, LAN to LAN" 0.00

    offload off
    watch -i br-lan --capture "$wanted"
    counters >"$work/before"
    transfer c1 isp 10.8.0.2 $one - 60000000 >"$work/up"
    transfer isp c1 10.9.0.2 - $one 60000000 >>"$work/up"
    counters | paste -d ' ' "$work/before" - |
        awk -v OFMT=%.0f '{ print $1, $2, $7 - $3, $8 - $4; print "sent", "frames=" $7 - $3 }' \
            >"$work/veth"
    finish
    compare "$work/up"
    report_all "TCP without offloading: segments" 100.00
    compare "$work/veth"
    report_all "TCP without offloading: the veth" 100.00
    offload on
}

# Twenty devices at each port send to each other: once for each side, not for the bridge.
part_bridge() {
    watch -i br-lan --capture "$wanted"
    # Each has spoken, so the bridge knows where they are.
    in_c2 "$BOARD" traffic eth0 frames=20 from=02:20:00:00:00:01/20 to=$lan >"$work/hello"
    in_c1 "$BOARD" traffic eth0 frames=20 from=02:10:00:00:00:01/20 to=$lan >>"$work/hello"
    in_c1 "$BOARD" traffic eth0 rate=25000 seconds=3 from=02:10:00:00:00:01/20 \
        to=02:20:00:00:00:01/20 >"$work/one" &
    local one=$!
    in_c2 "$BOARD" traffic eth0 rate=25000 seconds=3 from=02:20:00:00:00:01/20 \
        to=02:10:00:00:00:01/20 >"$work/two"
    wait "$one"
    finish
    compare "$work/hello" "$work/one" "$work/two"
    report_all "LAN to LAN, 50 000 frames/s"
    holds "$wan_share < 0.1" || missed "what stays in the LAN is not routed"
    ((seen == 2 * sent - 40)) || missed "$seen frames seen, each on both ports"
}

# A device goes from one port to the other; a third one sends to it all the time.
part_move() {
    watch -i br-lan --capture "$wanted"
    local step accounts=() mover=02:10:00:00:00:01 other=02:20:00:00:00:01
    in_c2 "$BOARD" traffic eth0 frames=1 from=$other to=$lan >"$work/move-0"
    accounts+=("$work/move-0")
    for step in 1 2 3 4 5; do
        local here=c1
        ((step % 2)) || here=c2
        ip netns exec $here "$BOARD" traffic eth0 rate=10000 frames=5000 from=$mover \
            to=$other >"$work/move-$step"
        traffic "down-$step" br-lan rate=10000 frames=5000 from=$lan to=$mover
        accounts+=("$work/move-$step" "$work/down-$step")
    done
    finish
    # On the port where both are, the bridge keeps still: what is sent there to the other one has
    # arrived without it, unseen.
    awk -v other=$other '!($1 == "rx" && $2 == other)' "${accounts[@]}" >"$work/moves"
    compare "$work/moves"
    report_all "a device moves from port to port"
}

# loss NAME: a line of the table; whatever is not counted is called lost.
loss() {
    row "$wanted" "$1" "$sent" "$people" "$error_bytes" "$error_frames" "$wan_share" "$lost" \
        "$codes"
    ((seen + lost == sent)) || missed "$seen seen and $lost lost are all that was sent"
    [[ $wanted == ring ]] || holds "$error_bytes == 0 && $lost == 0" || missed "nothing is lost"
    ((lost == 0)) || [[ $codes == *ring-loss* ]] || missed "a loss is said: ring-loss"
}

# As fast as one core can.
part_speed() {
    watch -i br-lan --capture "$wanted"
    in_c1 "$BOARD" traffic eth0 seconds=5 from=02:10:00:00:00:01/20 to=$lan >"$work/up"
    finish
    compare "$work/up"
    loss "full speed, $(mean_rate <"$work/up") frames/s"
}

# It has no CPU for a second and a half.
part_stop() {
    watch -i br-lan --capture "$wanted"
    in_c1 "$BOARD" traffic eth0 rate=50000 seconds=3 from=02:10:00:00:00:01/20 to=$lan \
        >"$work/up" &
    local sender=$!
    sleep 0.5
    kill -STOP "$pid"
    sleep 1.5
    kill -CONT "$pid"
    wait "$sender"
    finish
    compare "$work/up"
    loss "held up for 1.5 s, 50 000 frames/s"
    [[ $wanted == ebpf ]] || ((lost > 0)) || missed "a ring that nobody empties is full"
}

# Ten thousand invented senders in a minute beside twenty real ones.
part_flood() {
    watch -i br-lan --capture "$wanted"
    in_c1 "$BOARD" traffic eth0 rate=1000 frames=1000 from=02:10:00:00:00:01/20 to=$lan \
        >"$work/up"
    # The tables are full before their memory is looked at.
    in_c1 "$BOARD" traffic eth0 rate=4000 frames=24000 from=random/10000 to=$lan >"$work/random"
    windows 2
    local before after
    before=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
    in_c1 "$BOARD" traffic eth0 rate=500 seconds=60 from=random/10000 to=$lan >>"$work/random" &
    local random=$!
    in_c1 "$BOARD" traffic eth0 rate=1000 seconds=60 from=02:10:00:00:00:01/20 to=$lan \
        >>"$work/up"
    wait "$random"
    after=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
    finish
    compare "$work/up"
    report "10 000 random senders in a minute"
    echo "  resident memory before $before KiB, after $after KiB;" \
        "otherMacs $other_frames frames, $other_bytes bytes"
    ((lost == 0)) || missed "no frame is lost"
    ((after - before <= 512)) || missed "memory stays flat"
    local invented accounted
    invented=$(awk -F '[= ]' '/^sent/ { bytes += $5 } END { printf "%.0f", bytes }' "$work/random")
    accounted=$(awk -v other="$other_bytes" '/^06:/ { sum += $2 + $3 }
        END { printf "%.0f", sum + other }' "$work/counted")
    ((accounted == invented)) ||
        missed "$accounted bytes of random senders in rows and otherMacs, $invented sent"
}

row "" "" "frames" "" "worst of" "% off" "routed" "frames" "what was"
row "" "" "sent" "devices" "bytes" "frames" "%" "lost" "unseen"
for wanted in "${engines[@]}"; do
    for part in "${parts[@]}"; do "part_$part"; done
done
echo "limits not kept: $failed"
[[ -z $check || $failed = 0 ]]
