#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/long.sh [PART…]
# What takes too long for every change. Without arguments all parts, in this order:
#
#   sizes         every CPU, both feature sets: built, checked, within budget
#   units         unit tests and netmon's conformance on every CPU (qemu-user)
#   board         everything that runs in the virtual board
#   reproducible  the same bytes from two directories, on one 64-bit and one 32-bit CPU
#   feed          built and tested as OpenWrt's feed would
#   fuzz          each fuzz target for five minutes (needs cargo-fuzz and a nightly toolchain)
#   agent         a LAN of 250 devices and failing servers, for a minute and for ten
#   connmonitor   all recorded cases, and a name that stops resolving
#   flash         what the agent writes to flash in an hour
#   servers       100 kills, memory and throughput against real servers; a broker killed after each
#                 message
#   benches       rates, cost of a run, sweeps beside arp-scan and nmap, frames counted beside
#                 frames sent, cost of a frame, logs of tstat of 75 MB and of 2 GB
#
# A step that fails does not stop the others; the exit status tells. The tables at the end are one
# for each part, with the minutes of each step. To add a part, write a function part_NAME of steps
# and its line above.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

case ${1-} in
    -h | --help)
        sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
        exit 0
        ;;
esac

targets() {
    awk '!/^#/ { print $1 }' cross/targets.txt
}

part_sizes() {
    step "all binaries" cross/build.sh all
}

part_units() {
    for target in $(targets); do step "$target" cross/test.sh "$target"; done
}

part_board() {
    step "mipsel" cross/vm-test.sh mipsel
}

part_reproducible() {
    for target in x86_64 mips; do step "$target" cross/reproducible.sh "$target"; done
}

part_feed() {
    step "x86_64" cross/feed.sh
}

part_fuzz() {
    local target
    for target in tests/fuzz/targets/*.rs; do
        target=$(basename "$target" .rs)
        step "$target" env -u RUSTUP_TOOLCHAIN cargo +nightly fuzz run --fuzz-dir tests/fuzz \
            "$target" -- -max_total_time=300
    done
}

part_agent() {
    local name seconds
    for seconds in 60 600; do
        for name in everybody_is_there_and_every_byte_is_counted \
            servers_that_fail_disturb_nothing_and_nothing_is_lost_uncounted \
            a_longer_run_of_the_agent_does_not_allocate_more; do
            step "$seconds s: ${name//_/ }" env NETVITALS_CI=1 NETVITALS_TEST_SECONDS=$seconds \
                cargo test -q --locked --features full --test 'agent*' "$name"
        done
    done
}

part_connmonitor() {
    step "at a path" env NETVITALS_CI=1 NETVITALS_LONG=1 cargo test -q --locked --features full \
        --test 'connmonitor*'
}

part_flash() {
    step "an hour" env NETVITALS=dist/netvitals-x86_64-http tests/openwrt/flash.sh 3600
}

part_servers() {
    step "all parts" tests/lab/run.sh kill=100 memory throughput rabbit=all
}

part_benches() {
    for profile in server release; do
        step "netdev, $profile" cargo bench -q --profile "$profile" --bench netdev
    done
    step "spool" cargo bench -q --profile release --bench spool
    step "netmon" tests/bench/netmon-cost.sh dist/netvitals-x86_64-http
    step "devices" tests/bench/devices.sh
    step "bandwidth" tests/bench/bandwidth.sh --check
    step "cost of bandwidth" env NETVITALS=dist/netvitals-x86_64-http \
        tests/bench/bandwidth-cost.sh --check
    step "agent" env NETVITALS=dist/netvitals-x86_64-http tests/bench/agent.sh --check
    step "tstat, a build for it" cargo build -q --locked --profile server --no-default-features \
        --features full
    step "tstat" tests/bench/tstat.sh target/server/netvitals long
    step "memory of the agent with TLS" env NETVITALS=dist/netvitals-x86_64-full \
        tests/bench/agent.sh memory
    step "connspy" tests/bench/connspy.sh --big --check
    step "connspy, 10 million hosts" cargo test --profile server --features full \
        --test connspy_memory -- --ignored
    step "connmonitor" env NETVITALS=dist/netvitals-x86_64-full tests/bench/connmonitor.sh --check
}

failed=0
table=
# Runs the command $2… as the step $1 of the current part.
step() {
    local name=$1 start=$SECONDS verdict=passed
    shift
    printf '\n==== %s, %s: %s\n' "$part" "$name" "$*"
    "$@" || { verdict=FAILED && failed=$((failed + 1)); }
    table+=$(awk -v name="$name" -v verdict="$verdict" -v s=$((SECONDS - start)) \
        'BEGIN { printf "| %s | %s | %.1f |", name, verdict, s / 60 }')$'\n'
}

parts=("$@")
((${#parts[@]})) ||
    parts=(sizes units board reproducible feed fuzz agent connmonitor flash servers benches)
for part in "${parts[@]}"; do
    declare -F "part_$part" >/dev/null || {
        echo "long.sh: there is no part '$part'; see tests/long.sh --help" >&2
        exit 2
    }
done

cross/setup.sh || exit
tables=
for part in "${parts[@]}"; do
    table=
    "part_$part"
    tables+=$'\n'"| $part | verdict | minutes |"$'\n|---|---|--:|\n'$table
done
printf '%s\nlong.sh: %s failed, %.1f minutes\n' "$tables" "$failed" \
    "$(awk -v s="$SECONDS" 'BEGIN { print s / 60 }')"
((failed == 0))
