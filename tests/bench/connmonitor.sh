#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/connmonitor.sh [--check]
# What connmonitor costs for 20 hosts behind two routers, ping (10), trace and scan with a pause of
# 500 ms, beside what others take in the same run for what it sent: fping for the echoes, one of its
# echoes for each packet of a trace, bare connects, bare TLS handshakes of OpenSSL. Then pings
# alone. With --check it fails when a limit is not kept. Needs root, ip, nft, fping, openssl,
# python3, GNU time. NETVITALS names another binary than that of this source: for memory a static
# one with TLS. Environment: SECONDS_EACH, ROUNDS (medians are compared).
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1-} != --inside ]]; then
    target=${CARGO_TARGET_DIR:-target}
    [[ ${NETVITALS-} ]] ||
        cargo build --quiet --locked --release --no-default-features --features full
    CARGO_TARGET_DIR=$target/board cargo build --quiet --locked --release \
        --manifest-path tests/board/Cargo.toml
    NETVITALS=$(realpath "${NETVITALS:-$target/release/netvitals}")
    BOARD=$(realpath "$target/board/release/board")
    export NETVITALS BOARD
    exec unshare --net --mount "$0" --inside "${1-}"
fi

# Nothing is ever sent where there is another interface than our own.
[[ $(awk 'NR > 2' /proc/net/dev | wc -l) = 1 ]] || {
    echo "not in a network namespace of its own: refused" >&2
    exit 1
}
check=$2
seconds=${SECONDS_EACH:-20}
rounds=${ROUNDS:-3}
ratio_max=1.25 percent_max=3.87 rss_kib_max=4096
hosts=20
mount -t tmpfs tmpfs /run
mkdir /run/netns
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
failed=0

# keep WHAT CONDITION: an awk condition that has to hold.
keep() {
    awk "BEGIN { exit !($2) }" || {
        echo "  not kept: $1 ($2)"
        failed=1
    }
}

# A path: here - near - far - server with all hosts.
for name in near far server; do
    ip netns add "$name"
    ip -n "$name" link set lo up
    ip netns exec "$name" sh -c '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 0 >/proc/sys/net/ipv4/icmp_ratemask'
done
ip link set lo up
ip link add near0 type veth peer name here0 netns near
ip -n near link add far0 type veth peer name near0 netns far
ip -n far link add server0 type veth peer name far0 netns server
ip address add 10.1.0.2/24 dev near0
ip -n near address add 10.1.0.1/24 dev here0
ip -n near address add 10.2.0.1/24 dev far0
ip -n far address add 10.2.0.2/24 dev near0
ip -n far address add 10.3.0.1/24 dev server0
for ((i = 1; i <= hosts; i++)); do
    ip -n server address add "10.3.0.$((100 + i))/24" dev far0
    echo "10.3.0.$((100 + i))"
done >"$work/hosts"
ip link set near0 up
ip -n near link set here0 up
ip -n near link set far0 up
ip -n far link set near0 up
ip -n far link set server0 up
ip -n server link set far0 up
ip route add default via 10.1.0.1
ip -n near route add default via 10.2.0.2
ip -n far route add 10.1.0.0/24 via 10.2.0.1
ip -n server route add default via 10.3.0.1
ip netns exec near nft -f - <<'END'
table inet t {
    counter echoes { }
    counter traces { }
    counter plain { }
    counter secure { }
    chain i {
        type filter hook prerouting priority -300
        icmp type echo-request counter name echoes
        udp dport 33440 counter name traces
        tcp dport { 80, 3306 } tcp flags & (syn | ack) == syn counter name plain
        tcp dport 443 tcp flags & (syn | ack) == syn counter name secure
    }
}
END
# count NAME: what passed since the start.
count() { ip netns exec near nft list counter inet t "$1" | awk '/packets/ { print $2 }'; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=bench \
    -keyout "$work/key" -out "$work/certificate" 2>/dev/null
cat >"$work/servers.py" <<'END'
import socket, ssl, sys, threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[1])
ANSWER = b"HTTP/1.1 200 OK\r\nServer: bench\r\nConnection: close\r\n\r\n"
BODY = b"\x0a5.7.2-log\x00\x08\x00\x00\x00saltsalt" + bytes(30)

def http(stream):
    stream.recv(1000)
    stream.sendall(ANSWER)

def https(stream):
    with context.wrap_socket(stream, server_side=True) as secure:
        http(secure)

def mysql(stream):
    stream.sendall(bytes([len(BODY), 0, 0, 0]) + BODY)

def serve(port, talk):
    listener = socket.create_server(("", port), backlog=512)
    def work():
        while True:
            stream, _ = listener.accept()
            with stream:
                try:
                    stream.settimeout(5)
                    talk(stream)
                except OSError:
                    pass
    for _ in range(8):
        threading.Thread(target=work, daemon=True).start()

serve(80, http)
serve(443, https)
serve(3306, mysql)
print("ready", flush=True)
threading.Event().wait()
END
ip netns exec server python3 "$work/servers.py" "$work/key" "$work/certificate" \
    >"$work/servers" 2>"$work/servers.errors" &
started+=($!)
until grep -q ready "$work/servers"; do sleep 0.1; done

# Nanoseconds on a CPU of process $1, all threads.
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
median() { sort -n | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'; }

# monitor FIRST-LINE: runs for a while; sets ours_us of CPU, what it sent, percent, rss.
monitor() {
    local pid before echoes_before traces_before plain_before secure_before
    { echo "$1"; cat "$work/hosts"; } >"$work/monitor.conf"
    "$NETVITALS" connmonitor "$work/monitor.conf" >"$work/records" 2>"$work/errors" &
    pid=$!
    started+=("$pid")
    sleep 4 # The first rounds look all the way.
    echoes_before=$(count echoes) traces_before=$(count traces)
    plain_before=$(count plain) secure_before=$(count secure)
    before=$(cpu_ns $pid)
    sleep "$seconds"
    ours_us=$((($(cpu_ns $pid) - before) / 1000))
    echoes=$(($(count echoes) - echoes_before)) traces=$(($(count traces) - traces_before))
    plain=$(($(count plain) - plain_before)) secure=$(($(count secure) - secure_before))
    rss=$(awk '/^VmHWM/ { print $2 }' /proc/$pid/status)
    threads=$(awk '/^Threads/ { print $2 }' /proc/$pid/status)
    kill $pid
    wait $pid || true
    percent=$(awk "BEGIN { printf \"%.2f\", $ours_us / $seconds / 10000 }")
    if [[ -s $work/errors ]]; then head -n 3 "$work/errors"; fi
}

# cpu_us COMMAND…: microseconds on a CPU.
cpu_us() {
    /usr/bin/time -o "$work/time" -f '%U %S' "$@" >"$work/output" 2>&1 || true
    awk '{ printf "%.0f", ($1 + $2) * 1000000 }' "$work/time"
}

# others: sets what the others take for what was sent, in microseconds.
others() {
    local each=$((echoes / hosts)) handshakes us
    us=$(cpu_us fping -q -i 0.1 -p 10 -t 1000 -c "$each" -f "$work/hosts")
    echo_us=$(awk "BEGIN { printf \"%.2f\", $us / ($each * $hosts) }")
    connect_us=0 handshake_us=0
    if ((plain)); then
        us=$(cpu_us "$BOARD" tcp-connect 10.3.0.101:80 1000)
        connect_us=$(awk "BEGIN { printf \"%.2f\", $us / 1000 }")
        us=$(cpu_us openssl s_time -connect 10.3.0.101:443 -new -time 3)
        handshakes=$(awk '/connections in .* real seconds/ { print $1 }' "$work/output")
        handshake_us=$(awk "BEGIN { printf \"%.2f\", $us / $handshakes }")
    fi
    local packets=$((echoes + traces))
    others_us=$(awk "BEGIN { sum = $packets * $echo_us + $plain * $connect_us
        printf \"%.0f\", sum + $secure * $handshake_us }")
    ratio=$(awk "BEGIN { printf \"%.3f\", $ours_us / $others_us }")
}

# measure NAME FIRST-LINE: medians of all rounds into ratio and percent.
measure() {
    local round ratios='' percents=''
    for ((round = 0; round < rounds; round++)); do
        monitor "$2"
        others
        printf '%-22s %5d %6d %5d %6d %8.1f ms %8.1f ms %6s %6s %% %6d %d\n' "$1" "$echoes" \
            "$traces" "$plain" "$secure" "$(awk "BEGIN { print $ours_us / 1000 }")" \
            "$(awk "BEGIN { print $others_us / 1000 }")" "$ratio" "$percent" "$rss" "$threads"
        ratios+="$ratio"$'\n' percents+="$percent"$'\n'
        printf '  others: echo %s us, connect %s us, handshake %s us\n' "$echo_us" \
            "$connect_us" "$handshake_us"
    done
    ratio=$(median <<<"${ratios%$'\n'}") percent=$(median <<<"${percents%$'\n'}")
}

echo "20 hosts, $seconds s; packets sent, CPU, CPU of the others, ratio, share of a core, KiB, \
threads"
echo "                      echoes traces plain secure        ours      others  ratio"
measure "ping, trace and scan" "1 1 1 10 41 30 1 500"
keep "CPU against the others" "$ratio <= $ratio_max"
keep "share of a core" "$percent <= $percent_max"
keep "KiB of memory" "$rss <= $rss_kib_max"
keep "trace packets: 3 hops, and 3 beyond" "$traces <= 6 * $echoes / 10"
measure "ping" "1 0 0 10 41 30 1 500"
keep "CPU against fping" "$ratio <= $ratio_max"
[[ $check != --check || $failed = 0 ]]
