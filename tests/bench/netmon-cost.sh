#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What one run of netmon costs, beside cat /proc/net/dev.
set -euo pipefail

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: $0 BINARY    (a static release build, as cross/build.sh makes it)" >&2
    exit 2
fi
binary=$1
runs=100
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

# CPU milliseconds of RUNS runs of a command, user and system, per run.
cpu_ms() {
    (
        for _ in $(seq "$runs"); do "$@" >/dev/null; done
        times >"$scratch" # not through a pipe: that would be another shell, without children
        awk -F'[ms ]+' -v runs="$runs" 'NR == 2 {
            printf "%.2f", (60000 * ($1 + $3) + 1000 * ($2 + $4)) / runs }' "$scratch"
    )
}

# Peak resident KiB of netmon after three windows.
peak_netmon() {
    "$binary" netmon --interval 200ms --count 5 >/dev/null &
    local pid=$!
    sleep 0.9
    awk '/VmHWM/ { print $2 }' "/proc/$pid/status"
    wait "$pid"
}

peak_cat() {
    cat /proc/net/dev /proc/self/status | awk '/VmHWM/ { print $2 }'
}

printf '%-28s %10s %10s\n' "one run ($runs runs)" 'CPU ms' 'peak KiB'
printf '%-28s %10s %10s\n' 'limit' 3 1228
printf '%-28s %10s %10s\n' netmon "$(cpu_ms "$binary" netmon --interval 100ms)" "$(peak_netmon)"
printf '%-28s %10s %10s\n' 'cat /proc/net/dev' "$(cpu_ms cat /proc/net/dev)" "$(peak_cat)"
