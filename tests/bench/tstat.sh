#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# tstat-send on logs of 200 000 rows, 75 MB, all of them above the threshold, beside the numbers
# that were recorded of the first of these tools; with 'long' on logs of 2 GB too. The median of
# five runs counts. Fails below 100 MB of input per second of CPU, or above 6 MB of memory.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "$1" = --help ]; then
    echo "usage: $0 BINARY [long]    (a build with the profile 'server')" >&2
    exit 2
fi
binary=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The log of a protocol with ROWS rows, each with an address and counters of its own, made of the
# rows of a recorded log that are as they should be.
log() {
    local protocol=$1 rows=$2
    awk -v rows="$rows" -v protocol="$protocol" '
        NR == 1 { print; columns = NF; next }
        NF == columns && !/n\/a/ && !/c_ip/ { row[count++] = $0 }
        END {
            for (i = 0; i < rows; i++) {
                $0 = row[i % count]
                $1 = "10." int(i / 65536) % 256 "." int(i / 256) % 256 "." i % 256
                if (protocol == "tcp") {
                    $7 = 1000 + i * 7919 % 1000000007
                    $31 = i % 90000 ".125375"
                } else {
                    $5 = 60 + i * 7919 % 1000000007
                    $4 = i % 600 ".027195"
                }
                print
            }
        }' tests/conformance/tstat/02-mixed-malformed/in/*.out/"log_${protocol}_complete"
}

# User, system and elapsed seconds and peak KiB of one run.
run() {
    env time -f '%U %S %e %M' -o "$scratch/time" "$binary" tstat-send --quiet -d "$1" \
        --no-transport --bytes 0 >/dev/null
    cat "$scratch/time"
}

failed=0
# A line of the table for the logs in $1, after $2 runs.
line() {
    local bytes
    bytes=$(cat "$1"/x.out/log_* | wc -c)
    for _ in $(seq "$2"); do run "$1"; done | sort -n -k1 |
        awk -v bytes="$bytes" -v median=$((($2 + 1) / 2)) '
            $4 > peak { peak = $4 }
            NR == median { cpu = $1 + $2; elapsed = $3 }
            END {
                if (cpu < 0.01) cpu = 0.01
                rate = bytes / 1e6 / cpu
                printf "%-34s %8.0f %9.2f %9.2f %10.0f %9.1f\n", "netvitals tstat-send",
                    bytes / 1e6, cpu, elapsed, rate, peak / 1000
                exit !(rate >= 100 && peak <= 6000)
            }' || failed=1
}

mkdir -p "$scratch/short/x.out"
log tcp 129000 >"$scratch/short/x.out/log_tcp_complete"
log udp 71000 >"$scratch/short/x.out/log_udp_complete"
printf '%-34s %8s %9s %9s %10s %9s\n' '200 000 rows, threshold 0' 'MB' 'CPU s' 'elapsed' \
    'MB/CPU s' 'peak MB'
printf '%-34s %8.0f %9s %9.2f %10.2f %9.0f\n' 'recorded: the original 0.6.8' 75 - 60 1.25 2800
line "$scratch/short" 5
if [ "${2-}" = long ]; then
    rm -r "$scratch/short"
    mkdir -p "$scratch/long/x.out"
    log tcp 3600000 >"$scratch/long/x.out/log_tcp_complete"
    log udp 1200000 >"$scratch/long/x.out/log_udp_complete"
    line "$scratch/long" 1
fi
exit $failed
