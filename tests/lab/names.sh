#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# names.sh [DOCUMENTS]: a service whose name server is silent, or mostly so, for 1000 documents:
# neither threads nor memory grow. In namespaces of its own (network, mounts): nothing leaves it.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
documents=${1:-1000}
threads_limit=4
rss_more_kib=576 # what waits: MEMORY_QUEUE_BYTES_MAX is 512 KiB
need_program
private=(--net --mount)
[ "$(id -u)" = 0 ] || private=(--user --map-root-user --net --mount)
if ! unshare "${private[@]}" true 2>/dev/null; then
    judge "namespaces are not allowed here: nothing tested" "" [ -z "${NETVITALS_CI:-}" ]
    finish
fi

# inside NAME ANSWERED: a service in namespaces; its pid in $work/NAME.pid.
inside() {
    local name=$1 answered=$2
    printf 'nameserver 127.0.0.1\n' >"$work/resolv.conf"
    # shellcheck disable=SC2016 # for the inner shell
    unshare "${private[@]}" bash -c 'set -eu
        python3 - <<P
import fcntl, socket, struct # lo up, without any tool
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
P
        mount --bind "$2/resolv.conf" /etc/resolv.conf
        python3 "$1/resolver.py" "$4" "$2/$3.queries" &
        python3 "$1/stub.py" --port-file "$2/$3.port" --log "$2/$3.requests" bye &
        trap "kill -9 \$(jobs -p)" EXIT
        trap "exit 1" TERM
        until [ -s "$2/$3.port" ]; do sleep 0.1; done
        env -i PATH="$PATH" "$5" netmon --count "$6" --interval 100ms --retry-secs 1 -v \
            --connect-timeout 200ms --timeout 500ms --batch 1 \
            --eshost "lab.example:$(cat "$2/$3.port")" >/dev/null 2>"$2/$3.err" &
        echo $! >"$2/$3.pid"
        code=0
        wait $! || code=$?
        echo $code >"$2/$3.status"' \
        bash "$lab" "$work" "$name" "$answered" "$nv" "$documents" &
    pids+=("$!")
    disown "$!"
}

# follow NAME: what it used, until its end.
follow() {
    local name=$1 pid now samples=0 rss_early=0 rss_late=0 threads_most=0
    appears "$work/$name.pid"
    pid=$(cat "$work/$name.pid")
    while kill -0 "$pid" 2>/dev/null; do
        now=$(status_of "$pid" Threads)
        [ "$now" -le "$threads_most" ] || threads_most=$now
        now=$(status_of "$pid" VmRSS)
        [ "$now" = 0 ] || rss_late=$now
        samples=$((samples + 1))
        [ $samples != $((documents / 20)) ] || rss_early=$rss_late # half a second each
        sleep 0.5
    done
    appears "$work/$name.status"
    # Of --count 1000 at 100 ms, a tenth of the time is 10 s: 20 samples.
    [ "$rss_early" != 0 ] || rss_early=$rss_late
    {
        printf '%s: %s documents, %s queries, %s requests, exit status %s; ' "$name" "$documents" \
            "$(cat "$work/$name.queries" 2>/dev/null || echo 0)" \
            "$(grep -c . "$work/$name.requests" 2>/dev/null || :)" "$(cat "$work/$name.status")"
        printf 'threads %s, RSS %s then %s KiB\n' "$threads_most" "$rss_early" "$rss_late"
    } >&2
    echo "$threads_most $((rss_late - rss_early))"
}

inside silent 0
inside mostly 4
follow silent >"$work/silent.use" &
first=$!
follow mostly >"$work/mostly.use"
wait "$first"
for name in silent mostly; do
    read -r threads more <"$work/$name.use"
    at_most "$name: threads" $threads_limit "$threads"
    at_most "$name: KiB of growth" $rss_more_kib "$more"
    at_least "$name: queries" 1 "$(cat "$work/$name.queries" 2>/dev/null || echo 0)"
done
is "silent: it fails in the end" 1 "$(cat "$work/silent.status")"
judge "silent: it says that the name does not resolve" "$(tail -5 "$work/silent.err")" \
    grep -Eiq 'resolv|name' "$work/silent.err"
at_least "mostly: what came through" 1 "$(grep -c . "$work/mostly.requests" || :)"
finish
