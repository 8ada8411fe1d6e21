#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# One spool directory and many runs: runs at once, an output that changes between runs, a directory
# that a service holds, a queue that overflows, a disk that is full.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
nobody=127.0.0.1:$(free_port) # nothing listens there, but for `up`

# up: a server there, too.
up() {
    stub --port "${nobody#*:}" es
}

# four NAME OPTION…: four runs at once; exit statuses in $codes, lines said in $work/four.N.
four() {
    local n mine=()
    codes=
    for n in 1 2 3 4; do
        loopback_only "$@"
        timeout 60 env -i PATH="$PATH" "$nv" netmon --interval 100ms "$@" \
            >/dev/null 2>"$work/four.$n" &
        mine+=("$!")
    done
    for n in "${mine[@]}"; do
        wait "$n" && codes+=0 || codes+=$?
    done
}

at_once() {
    local spool=$work/at-once round
    for round in 1 2 3; do
        four --eshost "$nobody" --spool "$spool" --retry-secs 1
        is "four at once, server down, round $round: all leave theirs" 0000 "$codes"
    done
    is "each said one line" "1 1 1 1" "$(wc -l "$work"/four.? | awk '$2 != "total" { print $1 }' |
        xargs)"
    up
    for round in 1 2 3; do
        four --eshost "$nobody" --spool "$spool" --retry-secs 10
        is "four at once, server up, round $round" 0000 "$codes"
    done
    local try
    for try in 1 2 3 4 5; do
        netmon --eshost "$nobody" --spool "$spool" --retry-secs 10
        [ -s "$work/err" ] || break
    done
    judge "the queue is empty after $try more" "$(cat "$work/err")" [ ! -s "$work/err" ]
    is "all are stored" "$((24 + try))" "$(asked 'log[-1]["stored"]')"
    kill "$stub_pid"
}

changed() {
    local spool=$work/changed
    netmon --eshost "$nobody" --esindex one --spool "$spool" --retry-secs 0
    ended "left for a server that is down" 0 'spool|next run|left'
    stub es
    netmon --eshost "127.0.0.1:$port" --esindex two --spool "$spool"
    is "the next run has another server and index: delivered" "0 1" \
        "$status $(asked 'log[-1]["stored"]')"
    judge "it says that documents wait for another output" "it said nothing" [ -s "$work/err" ]
    stub --key k api
    netmon --api-url "http://127.0.0.1:$port/v1/documents" --api-key k --spool "$spool"
    is "another kind of output: its own document" "0 1 0" \
        "$status $(asked 'len(log)' 'sum("wrong" in r for r in log)')"
    up
    netmon --eshost "$nobody" --esindex one --spool "$spool"
    ended "the first output again, its server is up" 0
    is "what was left for it is delivered, nothing else" 2 "$(asked 'log[-1]["stored"]')"
    kill "$stub_pid"
}

taken() {
    local spool=$work/taken service
    stub es
    began=$SECONDS
    start_nv --count 0 --interval 100ms --eshost "127.0.0.1:$port" --spool "$spool"
    service=$pid
    appears "$stub_log"
    mv "$work/err" "$work/service.err"
    netmon --eshost "127.0.0.1:$port" --spool "$spool" --count 0
    ended "a second service refuses to start" 1 'another|taken|use|running|held|lock'
    netmon --eshost "127.0.0.1:$port" --spool "$spool" --retry-secs 1
    ended "a one-shot leaves its document there" 0 'another|taken|use|running|held|lock|left'
    is "in one line" 1 "$(wc -l <"$work/err")"
    kill "$service"
    wait "$service" && status=0 || status=$?
    is "TERM ends the service with 0" 0 "$status"
    netmon --eshost "127.0.0.1:$port" --spool "$spool"
    is "the next run is silent" "0 0" "$status $(wc -l <"$work/err")"
    is "service, one-shot and next run: no gap" "True" "$(asked '(lambda ids:
        len({i[0] for i in ids}) == 3 and all(max(s for k, s in ids if k == key) ==
        len({s for k, s in ids if k == key}) for key, _ in ids))(
        [tuple((lambda m: (m[1], int(m[2])))(m) for m in [m])[0] for r in log
        for m in re.finditer("-netmon-([0-9a-f]{16})-([0-9]+)", r["path"] + (
        r["body"] if "_bulk" in r["path"] else ""))])')"
}

overflow() {
    local spool=$work/overflow case=$root/tests/conformance/netmon/cases/11-300-interfaces
    local n
    for n in 1 2 3; do
        netmon --eshost "$nobody" --spool "$spool" --spool-kib 64 --retry-secs 0 \
            --replay "$case/before.txt" "$case/after.txt" --elapsed 1
        [ "$n" != 1 ] || first=$status
    done
    at_most "the spool keeps its size (KiB)" 200 "$(du -sk "$spool" | cut -f1)"
    judge "a document larger than the spool is not lost in silence" "exit $first" [ -s "$work/err" ]
    spool=$work/overflow2
    began=$SECONDS
    start_nv --count 300 --interval 100ms --eshost "$nobody" --spool "$spool" --spool-kib 64 -v
    wait_nv
    at_most "300 documents, 64 KiB: the spool keeps its size (KiB)" 128 \
        "$(du -sk "$spool" | cut -f1)"
    judge "what was dropped is counted" "$(cat "$work/err")" \
        grep -Eqi 'dropped[^0-9]*[1-9]|[1-9][0-9]* dropped' "$work/err"
    grep -Ei 'dropped' "$work/err" | tail -1 || :
}

# full_disk: a spool on a tmpfs of 64 KiB that is full.
full_disk() {
    local private=(--mount)
    [ "$(id -u)" = 0 ] || private=(--user --map-root-user --mount)
    if ! unshare "${private[@]}" mount -t tmpfs lab /mnt 2>/dev/null; then
        judge "full disk: namespaces are not allowed here" "skipped" \
            [ -z "${NETVITALS_CI:-}" ]
        return
    fi
    # shellcheck disable=SC2016 # for the inner shell
    unshare "${private[@]}" sh -c 'mount -t tmpfs -o size=64k lab /mnt; mkdir /mnt/spool
        head -c 1000000 /dev/zero >/mnt/full 2>/dev/null
        exec timeout 30 env -i PATH="$PATH" "$0" netmon --interval 100ms --eshost "$1" \
        --spool /mnt/spool --retry-secs 0' "$nv" "$nobody" >"$work/out" 2>"$work/err" &&
        status=0 || status=$?
    ended "a full disk: the document is lost, and that is said" 1 'space|full|spool'
    stub es
    # shellcheck disable=SC2016 # for the inner shell
    unshare "${private[@]}" sh -c 'mount -t tmpfs -o size=64k lab /mnt; mkdir /mnt/spool
        head -c 1000000 /dev/zero >/mnt/full 2>/dev/null
        exec timeout 30 env -i PATH="$PATH" "$0" netmon --interval 100ms --eshost "$1" \
        --spool /mnt/spool --retry-secs 0' "$nv" "127.0.0.1:$port" >"$work/out" 2>"$work/err" &&
        status=0 || status=$?
    is "a full disk, but the server is up: delivered all the same" 1 "$(asked 'len(log)')"
}

at_once
changed
taken
overflow
full_disk
finish
