#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# memory.sh [SENDS]: peak memory (VmHWM) of 1000 sends by http and by https with all authorities of
# the system, against the same run without an output: how much more, and whether it is flat.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
sends=${1:-1000}
flat_kib=64
need_program
"$lab/testca.sh" "$work/tls"
bundle=/etc/ssl/certs/ca-certificates.crt
[ -s $bundle ] || { echo "no $bundle: apt-get install ca-certificates" >&2; exit 1; }
cat $bundle "$work/tls/ca.pem" >"$work/bundle.pem"

declare -A watched
# run NAME OPTION…: in the background.
run() {
    local name=$1
    shift
    loopback_only "$@"
    env -i PATH="$PATH" "$nv" netmon --interval 100ms --count "$sends" "$@" \
        >/dev/null 2>"$work/$name.err" &
    watched[$name]=$!
    pids+=("$!")
}

run none
stub es
http_log=$stub_log
run http --eshost "127.0.0.1:$port"
stub --tls "$work/tls/server.pem" "$work/tls/server.key" es
https_log=$stub_log
run https --eshost "https://localhost:$port" --ca "$work/bundle.pem"
stub es
run small --eshost "127.0.0.1:$port" --spool-kib 64
stub bye
run each --eshost "127.0.0.1:$port"
stub --tls "$work/tls/server.pem" "$work/tls/server.key" bye
run secure --eshost "https://localhost:$port" --ca "$work/bundle.pem"

declare -A early peak
samples=0
alive=1
while [ $alive = 1 ]; do
    alive=0
    samples=$((samples + 1))
    for name in "${!watched[@]}"; do
        now=$(status_of "${watched[$name]}" VmHWM)
        [ "$now" = 0 ] && continue
        alive=1
        peak[$name]=$now
        [ "$samples" -gt $((sends / 10)) ] || early[$name]=$now
    done
    sleep 0.2
done
for name in none small http https each secure; do
    wait "${watched[$name]}" && status=0 || status=$?
    is "$name: exit status" 0 "$status"
    at_most "$name: KiB of growth after the first fifth" $flat_kib \
        $((${peak[$name]} - ${early[$name]}))
done
at_most "http: KiB more than no output" 1024 $((peak[http] - peak[none]))
at_most "https: KiB more than no output" 2048 $((peak[https] - peak[none]))
at_most "http, a connection each: KiB more" 1024 $((peak[each] - peak[none]))
at_most "https, a connection each: KiB more" 2048 $((peak[secure] - peak[none]))
stub_log=$http_log
is "http: all stored" "$sends" "$(asked 'log[-1]["stored"]')"
stub_log=$https_log
is "https: all stored" "$sends" "$(asked 'log[-1]["stored"]')"
printf 'KiB at the peak:'
for name in none small http https each secure; do printf ' %s %s' "$name" "${peak[$name]}"; done
printf ' (%s certificates)\n' "$(grep -c BEGIN "$work/bundle.pem")"
finish
