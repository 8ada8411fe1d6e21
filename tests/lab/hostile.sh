#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Servers that answer garbage, never, without end, byte by byte, with a redirect, or that close:
# bounded time and memory, and a line that says what happened.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
memory_more_kib=1024 # over a delivery that went well
seconds_most=8       # --retry-secs 3, one request of --timeout 1s on its way

# run OUTPUT STEP…: one document against a stub that does so.
run() {
    local output=$1
    shift
    stub "$@"
    local url=http://127.0.0.1:$port/v1/documents
    began=$SECONDS
    if [ "$output" = es ]; then
        start_nv --interval 100ms --eshost "127.0.0.1:$port" --timeout 1s --retry-secs 3
    else
        start_nv --interval 100ms --api-url "$url" --timeout 1s --retry-secs 3
    fi
    watch_nv
}

for output in es api; do
    run $output "$output"
    ended "$output: a good server" 0
    limit=$((peak_kib + memory_more_kib))
    for step in garbage never endless endless-header endless-line trickle close cut half deaf \
        "302,Location: http://127.0.0.1:{port}/away"; do
        run $output "$step"
        name="$output: ${step%%,*}"
        # 200 and 201 decide about a single document; what follows does not matter.
        if [ "$step" = endless ] || [ "$step" = half ]; then
            ended "$name" 0
        else
            ended "$name" 1 'not delivered: .'
        fi
        at_most "$name: seconds" $seconds_most "$seconds"
        at_most "$name: KiB" $limit "$peak_kib"
        at_most "$name: lines said" 4 "$(wc -l <"$work/err")"
        kill "$stub_pid"
    done
    run $output bye
    ended "$output: closes after each request" 0
done

# A service whose server closes after every answer, without saying so: nothing is lost or doubled.
stub bye
netmon --eshost "127.0.0.1:$port" --count 20 -v --retry-secs 20
ended "closed after each of 20" 0 20
is "each stored once" 20 "$(asked 'log[-1]["stored"]')"
at_most "requests" 40 "$(asked 'len(log)')"

# A bulk answer that tells nothing of the items: not delivered, tried again.
stub lies
netmon --eshost "127.0.0.1:$port" --count 3 --batch-age 1s --retry-secs 2 --timeout 1s -v
ended "a bulk answer without items" 1 '(item|answer|garbled|understand)'
finish
