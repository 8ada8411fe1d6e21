# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the measurements of bandwidth have in common; it is sourced, not run: a router in a network
# namespace of its own, with two clients on the ports of its bridge and a provider, each in a
# namespace too, and the comparison of what was counted with what was sent.
# shellcheck disable=SC2034,SC2016 # what it finds out is for the scripts; awk has its own $

# enter SCRIPT ARGUMENTS…: builds, then runs the script again in a namespace of its own.
# NETVITALS names another binary than that of this source.
enter() {
    local target=${CARGO_TARGET_DIR:-target}
    [[ $(id -u) = 0 ]] || {
        echo "needs root: a program for the kernel is loaded only for it" >&2
        exit 1
    }
    [[ ${NETVITALS-} ]] || cargo build --quiet --locked --release
    CARGO_TARGET_DIR=$target/board cargo build --quiet --locked --release \
        --manifest-path tests/board/Cargo.toml
    NETVITALS=$(realpath "${NETVITALS:-$target/release/netvitals}")
    BOARD=$(realpath "$target/board/release/board")
    export NETVITALS BOARD
    exec unshare --net --mount "$1" --inside "${@:2}"
}

# Nothing is ever sent where there is another interface than our own.
alone() {
    [[ $(awk 'NR > 2' /proc/net/dev | wc -l) = 1 ]] || {
        echo "not in a network namespace of its own: refused" >&2
        exit 1
    }
    work=$(mktemp -d)
    trap 'leave' EXIT
    mount -t sysfs sys /sys
    mount -t tmpfs run /run
    # The kernel would send frames of its own, and answer to what was never sent.
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set lo up
}

pid= # netvitals bandwidth
interval=500ms
declare -A others=()
# At the end: nothing of ours goes on.
leave() {
    local process name
    for process in $pid "${others[@]}"; do kill "$process" 2>/dev/null || true; done
    for name in $(ip netns list | cut -d ' ' -f 1); do ip netns delete "$name"; done
    rm -rf "$work"
}

# cable INTERFACE NAMESPACE: the other end is eth0 there.
cable() {
    ip link add "$1" type veth peer name "eth-$1"
    ip link set "eth-$1" netns "$2" name eth0
    ip link set "$1" up
    ip -n "$2" link set eth0 up
}

# A bridge br-lan with the ports lan1 (to c1) and lan2 (to c2), and wan0 (to isp). Clients and
# provider have addresses and know each other's MAC addresses: nobody asks.
router() {
    local name
    for name in c1 c2 isp; do
        ip netns add "$name"
        ip -n "$name" link set lo up
        # Without selective acknowledgements all segments have the same headers.
        ip netns exec "$name" sysctl -qw net.ipv6.conf.default.disable_ipv6=1 \
            net.ipv4.tcp_sack=0
    done
    ip link add br-lan address 02:00:00:00:00:01 type bridge mcast_snooping 0
    cable lan1 c1
    cable lan2 c2
    cable wan0 isp
    ip link set lan1 master br-lan
    ip link set lan2 master br-lan
    ip -n c1 link set eth0 address 02:00:00:00:01:01
    ip -n c2 link set eth0 address 02:00:00:00:01:02
    ip link set br-lan up
    ip address add 10.9.0.1/24 dev br-lan
    ip address add 10.8.0.1/24 dev wan0
    ip -n c1 address add 10.9.0.2/24 dev eth0
    ip -n c2 address add 10.9.0.3/24 dev eth0
    ip -n isp address add 10.8.0.2/24 dev eth0
    for name in c1 c2; do ip -n "$name" route add default via 10.9.0.1; done
    ip -n isp route add default via 10.8.0.1
    ip route add default via 10.8.0.2
    neighbours
    # Invented senders have addresses that nobody routes: they come no further than the router.
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=1
}

neighbours() {
    local lan=02:00:00:00:00:01 wan isp
    wan=$(cat /sys/class/net/wan0/address)
    isp=$(ip -n isp -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
    ip neighbour replace 10.9.0.2 lladdr 02:00:00:00:01:01 dev br-lan
    ip neighbour replace 10.9.0.3 lladdr 02:00:00:00:01:02 dev br-lan
    ip neighbour replace 10.8.0.2 lladdr "$isp" dev wan0
    ip -n isp neighbour replace 10.8.0.1 lladdr "$wan" dev eth0
    ip -n c1 neighbour replace 10.9.0.1 lladdr "$lan" dev eth0
    ip -n c2 neighbour replace 10.9.0.1 lladdr "$lan" dev eth0
    ip -n c1 neighbour replace 10.9.0.3 lladdr 02:00:00:00:01:02 dev eth0
    ip -n c2 neighbour replace 10.9.0.2 lladdr 02:00:00:00:01:01 dev eth0
}

# watch ARGUMENTS…: bandwidth runs from now on, and has begun to count.
watch() {
    : >"$work/windows"
    "$NETVITALS" bandwidth --json --no-ptr --interval "$interval" "$@" \
        >"$work/windows" 2>"$work/errors" &
    pid=$!
    windows 1
}

# Waits for so many windows more.
windows() {
    local wanted tries=0
    wanted=$(($(wc -l <"$work/windows") + $1))
    until (($(wc -l <"$work/windows") >= wanted)); do
        if ((++tries > 200)) || [[ ! -d /proc/$pid ]]; then
            echo "netvitals bandwidth has no more windows:" >&2
            cat "$work/errors" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# Ends bandwidth when it has counted all that was sent; $work/counted has a line for each device:
# MAC rx-bytes tx-bytes rx-frames tx-frames wan-bytes lan-bytes source. Sets the totals of the
# capture: seen, lost, other_bytes, other_frames, group_bytes, group_frames, codes (what could not
# be seen) and engine.
finish() {
    windows 2
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    tail -n 1 "$work/windows" | devices >"$work/counted"
    read -r seen lost other_bytes other_frames group_bytes group_frames codes engine < <(totals)
}

# For awk: the number and the object behind a key.
read_json='
    function number(text, key) {
        if (!match(text, "\"" key "\":[0-9]+")) return 0
        return substr(text, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
    }
    function part(key) {
        return match($0, "\"" key "\":[{][^}]*[}]") ? substr($0, RSTART, RLENGTH) : ""
    }'

devices() {
    sed 's/"mac":"/\n&/g' | awk -v OFMT=%.0f "$read_json"'
        function both(text) {
            return number(text, "rxBytesSinceStart") + number(text, "txBytesSinceStart")
        }
        /^"mac"/ {
            match($0, "\"source\":\"[a-z]*")
            source = substr($0, RSTART + 10, RLENGTH - 10)
            print substr($0, 8, 17), number($0, "rxBytesSinceStart"), \
                number($0, "txBytesSinceStart"), number($0, "rxPacketsSinceStart"), \
                number($0, "txPacketsSinceStart"), both(part("wan")), both(part("lan")), source
        }'
}

totals() {
    awk "$read_json"'
        {
            sub(/.*"capture":/, "")
            seen += number($0, "framesSeen"); lost += number($0, "framesLost")
            other = part("otherMacs"); group = part("multicast")
            other_bytes += number(other, "rxBytesTotal") + number(other, "txBytesTotal")
            other_frames += number(other, "frames")
            group_bytes += number(group, "bytesTotal"); group_frames += number(group, "frames")
            if (match($0, /"unseen":\[[^\]]*\]/)) {
                list = substr($0, RSTART + 10, RLENGTH - 11)
                gsub(/"/, "", list)
                count = split(list, code, ",")
                for (i = 1; i <= count; i++)
                    if (!(code[i] in known)) { known[code[i]]; codes = codes "," code[i] }
            }
            if (match($0, /"source":"[a-z]*/)) engine = substr($0, RSTART + 10, RLENGTH - 10)
        }
        END {
            printf "%.0f %.0f %.0f %.0f %.0f %.0f %s %s\n", seen, lost, other_bytes, other_frames,
                group_bytes, group_frames, codes == "" ? "-" : substr(codes, 2), engine
        }' "$work/windows"
}

# compare FILE…: accounts of senders against $work/counted. Sets sent (frames) and people (devices
# that sent or received), error_bytes and error_frames (the worst of them, in percent of what it
# sent or received), wan_share (percent of their bytes that were routed).
compare() {
    read -r sent people error_bytes error_frames wan_share < <(awk '
        function worse(counted, truth, worst) {
            off = truth ? 100 * (counted - truth) / truth : counted ? 100 : 0
            if (off < 0) off = -off
            return off > worst ? off : worst
        }
        FILENAME == counted {
            bytes["rx " $1] = $2; bytes["tx " $1] = $3
            frames["rx " $1] = $4; frames["tx " $1] = $5
            wan[$1] = $6; lan[$1] = $7
            next
        }
        $1 == "sent" { split($2, word, "="); sent += word[2] }
        # Not those that are no devices: groups and the router.
        ($1 == "tx" || $1 == "rx") && $2 !~ /^.[13579bdf]/ && $2 !~ own {
            true_frames[$1 " " $2] += $3; true_bytes[$1 " " $2] += $4
        }
        END {
            for (key in true_frames) {
                worst_bytes = worse(bytes[key], true_bytes[key], worst_bytes)
                worst_frames = worse(frames[key], true_frames[key], worst_frames)
                mac = substr(key, 4)
                if (!(mac in people)) {
                    people[mac]; count++; routed += wan[mac]; local += lan[mac]
                }
            }
            printf "%.0f %d %.4f %.4f %.2f\n", sent, count, worst_bytes, worst_frames,
                routed + local ? 100 * routed / (routed + local) : 0
        }' counted="$work/counted" own="$(own_macs)" "$work/counted" "$@")
}

# A pattern of the router's own MAC addresses.
own_macs() {
    cat /sys/class/net/*/address | sort -u | paste -sd '|'
}

# Whether $1 is a true comparison of numbers.
holds() {
    awk "BEGIN { exit !($1) }"
}

failed=0
# missed TEXT…: a limit that was not kept.
missed() {
    echo "  not kept: $*"
    failed=$((failed + 1))
}
