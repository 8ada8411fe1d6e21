#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/agent.sh [--check] [PART…]
# What netvitals agent costs while it sees to a LAN of 252 devices, behind a bridge and with names:
# its own CPU time, its memory, and how late its windows end while every core is busy. Parts: cpu
# memory cadence (all of them). Variants take turns, medians are printed. With --check it fails when
# a limit is not kept. Needs root, ip, python3, openssl. NETVITALS names another binary than that of
# this source: for memory a static one, with TLS when it can.
# Environment: ROUNDS, SECONDS_EACH (of cpu), BOUNDARIES (of cadence).
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
((${#parts[@]})) || parts=(cpu memory cadence)
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-20}
boundaries=${BOUNDARIES:-100}
own=02:00:00:00:00:01
everybody=02:01:0a:09:00:04/250
busy_percent_max=1.0 idle_percent_max=0.3 rss_kib_max=3072 late_ms_max=20

# Nanoseconds that $pid was on a CPU, all threads.
cpu_ns() { cat /proc/"$pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
median() { sort -n | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'; }

# 250 devices that answer, beside the two clients.
people() {
    local last
    for ((last = 4; last < 254; last++)); do
        printf '02:01:0a:09:00:%02x device-%s\n' $last $last
    done >"$work/names"
    ip netns exec c1 "$BOARD" lan eth0 10.9.0.4 250 0 tail --pid=$$ -f /dev/null \
        2>"$work/people" &
    others[people]=$!
}

# agent ARGUMENTS…: runs from now on, and knows everybody.
agent() {
    : >"$work/documents"
    "$NETVITALS" agent --config /dev/null --state-file "$work/state.json" --names "$work/names" \
        --no-ptr -i br-lan "$@" >"$work/documents" 2>"$work/errors" &
    pid=$!
    local tries=0
    # Documents may go elsewhere; the state has the newest in any case.
    until [[ $(grep -o '"nameSource":"file"' "$work/state.json" 2>/dev/null | wc -l) = 250 ]]; do
        if ((++tries > 600)) || [[ ! -d /proc/$pid ]]; then
            echo "netvitals agent does not find everybody:" >&2
            cat "$work/errors" >&2
            exit 1
        fi
        sleep 0.1
    done
}

end_agent() {
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    rm -f "$work/state.json"
}

# load RATE SECONDS: what all devices send to the router, in the background.
load() {
    ip netns exec c1 "$BOARD" traffic eth0 rate="$1" seconds="$2" from=$everybody to=$own \
        >"$work/sent" &
    others[load]=$!
}

end_load() {
    [[ -z ${others[load]-} ]] || wait "${others[load]}" || true
    unset 'others[load]'
}

# share ENGINE RATE: percent of one CPU, with windows of 5 s.
share() {
    local before lasting
    agent --capture "$1" --interval 5s
    (($2 == 0)) || load "$2" "$((seconds + 2))"
    sleep 1
    before=$(cpu_ns) lasting=$EPOCHREALTIME
    sleep "$seconds"
    echo "$before $(cpu_ns) $lasting $EPOCHREALTIME" |
        awk '{ printf "%.3f\n", ($2 - $1) / ($4 - $3) / 1e7 }'
    end_load
    end_agent
}

part_cpu() {
    local round variant percent limit
    local variants=("ebpf 0" "ebpf 50000" "ring 0" "ring 50000")
    for ((round = 0; round < rounds; round++)); do
        for variant in "${variants[@]}"; do
            # shellcheck disable=SC2086 # two words
            share $variant >>"$work/cpu ${variant}"
        done
    done
    echo "own CPU time, 252 devices, windows of 5 s, median of $rounds times $seconds s"
    for variant in "${variants[@]}"; do
        percent=$(median <"$work/cpu $variant")
        printf '  %-5s %9s frames/s %8s %%  (%s)\n' "${variant% *}" "${variant#* }" "$percent" \
            "$(sort -n "$work/cpu $variant" | xargs)"
        limit=$busy_percent_max
        [[ $variant != *" 0" ]] || limit=$idle_percent_max
        [[ $variant == ring* ]] || holds "$percent <= $limit" || missed "at most $limit % of a CPU"
    done
}

# A server that takes everything, with TLS when there is a certificate.
server() {
    rm -f "$work/port"
    python3 - "$work" "$1" <<'P' &
import http.server, pathlib, ssl, sys
work = pathlib.Path(sys.argv[1])
class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
if sys.argv[2] == "https":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(work / "tls/server.pem", work / "tls/server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
(work / "port").write_text(str(server.server_port))
server.serve_forever()
P
    others[server]=$!
    until [[ -s $work/port ]]; do sleep 0.1; done
}

# peak NAME LIMIT ARGUMENTS…: most resident memory, under load, and the parts of it that remain.
peak() {
    local name=$1 limit=$2 kib
    shift 2
    agent --interval 1s "$@"
    load 50000 8
    sleep 9
    end_load
    kib=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
    printf '  %-38s %6s KiB  (%s)\n' "$name" "$kib" "$(awk '/^Rss/ { rest = rest " " $1 " " $2 }
        END { print substr(rest, 2) }' "/proc/$pid/status" | tr -d :)"
    [[ -z $limit ]] || ((kib <= limit)) || missed "at most $limit KiB"
    end_agent
}

part_memory() {
    echo "peak resident memory of $NETVITALS, 252 devices, 50 000 frames/s"
    peak "eBPF, standard output" $rss_kib_max --capture ebpf
    server http
    local url
    url=http://127.0.0.1:$(cat "$work/port")/
    peak "eBPF, to an HTTP API" $rss_kib_max --capture ebpf --spool '' --api-url "$url"
    peak "ring of 512 KiB, to an HTTP API" '' --capture ring --spool '' --api-url "$url"
    kill "${others[server]}"
    tests/lab/testca.sh "$work/tls" >/dev/null
    server https
    url=https://127.0.0.1:$(cat "$work/port")/
    local to=(--capture ebpf --spool '' --ca "$work/tls/ca.pem" --api-url "$url")
    if "$NETVITALS" agent --config /dev/null --state-file '' --once --interval 1s -i br-lan \
        "${to[@]}" >"$work/once" 2>&1; then
        peak "eBPF, to an HTTPS API" '' "${to[@]}"
    else
        echo "  without TLS: $(tail -n 1 "$work/once")"
    fi
    kill "${others[server]}"
    unset 'others[server]'
}

# How many ms after it was due each window ended, by its own stamps; the first begins the grid.
lateness() {
    awk 'function ms(key) {
            match($0, "\"" key "\":\"[^\"]*")
            split(substr($0, RSTART + length(key) + 15, 12), part, ":")
            return (part[1] * 3600 + part[2] * 60 + part[3]) * 1000
        }
        NR == 1 { begun = ms("collectionStartTime") }
        { printf "%.0f\n", ms("collectionEndTime") - begun - 1000 * NR }' "$work/documents"
}

part_cadence() {
    local core cores variant in_time
    cores=$(nproc)
    echo "how late $boundaries windows of 1 s end, beside a busy loop on each of $cores cores"
    for variant in quiet busy; do
        if [[ $variant = busy ]]; then
            for ((core = 0; core < cores; core++)); do
                taskset -c $core sh -c 'while :; do :; done' &
                others[busy-$core]=$!
            done
        fi
        agent --capture ebpf --interval 1s
        [[ $variant = quiet ]] || load 50000 "$boundaries"
        while (($(wc -l <"$work/documents") < boundaries)); do sleep 0.5; done
        end_load
        end_agent
        lateness | head -n "$boundaries" | sort -n >"$work/late"
        in_time=$(awk -v most=$late_ms_max '$1 <= most' "$work/late" | wc -l)
        printf '  %-6s median %4s ms, 95 %% within %4s ms, worst %5s ms; %s of %s within %s ms\n' \
            $variant "$(median <"$work/late")" \
            "$(awk '{ line[NR] = $1 } END { print line[int(NR * 0.95)] }' "$work/late")" \
            "$(tail -n 1 "$work/late")" "$in_time" "$boundaries" $late_ms_max
        ((in_time * 100 >= boundaries * 95)) || missed "95 of 100 within $late_ms_max ms"
    done
    for ((core = 0; core < cores; core++)); do
        kill "${others[busy-$core]}"
        unset "others[busy-$core]"
    done
}

router
people
for part in "${parts[@]}"; do "part_$part"; done
echo "limits not kept: $failed"
[[ -z $check || $failed = 0 ]]
