#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# kill.sh [N]: N times (20) kill -9 of a netmon with a spool, at random moments, while a real
# OpenSearch is paused, restarted, cut off or its answers are lost by turns. Then every document
# handed over is in the index exactly once. SEED=… repeats the moments of a run.
#
# How it is known what was handed over: each life of the writer has a host name of its own (a UTS
# namespace), and writes the same documents to a file of its own. Its documents in the index must be
# numbered from 1 without a gap, be those of the file, and as many; only the very last one may be in
# one of the two places alone, as the kill can come between the two.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
kills=${1:-20}
seed=${SEED:-$RANDOM}
RANDOM=$seed
need_program
opensearch
proxy "$os_port"
spool=$work/spool
index=netmon-kill-$$
private=(--uts)
[ "$(id -u)" = 0 ] || private=(--user --map-root-user --uts)
faults=(none pause refuse hang mute pause refuse hang mute restart)

# pass_time MOST: sleeps up to MOST ms.
pass_time() {
    local ms=$((RANDOM % $1))
    sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# write LIFE: the writer, until it is killed; $pid.
write() {
    local life
    life=$(printf 'life-%03d' "$1")
    # shellcheck disable=SC2016 # for the inner shell
    unshare "${private[@]}" sh -c 'hostname "$1"; shift; exec "$@"' sh "$life" \
        env -i PATH="$PATH" "$nv" netmon --count 0 --interval 100ms --spool "$spool" \
        --spool-kib 65536 --eshost "https://127.0.0.1:$proxy_port" "${as_netmon[@]}" \
        --esindex "$index" --timeout 1s --connect-timeout 1s \
        --logpath "$work/$life" --logappend --rotate-kib 0 >/dev/null 2>>"$work/writers" &
    pid=$!
    pids+=("$pid")
}

fault() {
    case $1 in
        pause) kill -STOP "$(cat "$os_dir/pid")" ;;
        refuse | hang | mute) echo "$1" >"$mode" ;;
        restart)
            [ $((RANDOM % 2)) = 0 ] && restart=TERM || restart=KILL
            kill "-$restart" "$(cat "$os_dir/pid")"
            ;;
    esac
}

heal() {
    case $1 in
        pause) kill -CONT "$(cat "$os_dir/pid")" ;;
        refuse | hang | mute) echo pass >"$mode" ;;
        restart) # the next writer lives through the start
            "$lab/opensearch.sh" stop "$os_dir"
            PORT=$os_port "$lab/opensearch.sh" launch "$os_dir" >/dev/null
            ;;
    esac
}

began=$SECONDS
for life in $(seq "$kills"); do
    now=${faults[$((life % ${#faults[@]}))]}
    write "$life"
    # Half of the lives are long enough for the first documents to go through.
    [ $((RANDOM % 2)) = 0 ] || sleep 1
    pass_time 1200
    fault "$now"
    pass_time 1500
    if [ $((RANDOM % 3)) = 0 ]; then # killed while it is being repeated
        heal "$now"
        now=none
        pass_time 700
    fi
    kill -9 "$pid" 2>/dev/null || echo "life $life had ended by itself" >>"$work/writers"
    wait "$pid" 2>/dev/null || :
    heal "$now"
done
echo "$kills kills in $((SECONDS - began)) s, seed $seed"
is "no writer ended by itself" 0 "$(grep -c 'by itself' "$work/writers" || :)"

# The server must answer again before the queue can be counted on to empty.
for _ in $(seq 240); do
    [ "$(ask GET '/_cluster/health?wait_for_status=yellow&timeout=1s' |
        json "value.get('status')" 2>/dev/null)" = yellow ] && break
    sleep 0.5
done
before=$(stored "$index")
for try in $(seq 10); do
    netmon --eshost "https://127.0.0.1:$proxy_port" "${as_netmon[@]}" --esindex "$index" \
        --spool "$spool" --retry-secs 60
    [ "$status" = 0 ] && [ ! -s "$work/err" ] && break
done
judge "the queue is empty after $try more runs" "$(cat "$work/err")" [ ! -s "$work/err" ]
echo "in the index: $before at the last kill, $(stored "$index") now"

ask GET "/$index/_search?size=10000" >"$work/found"
python3 "$lab/compare.py" "$work" "$work/found" "$(uname -n)" >"$work/compared" && code=0 ||
    code=$?
judge "every document handed over is stored exactly once" "$(cat "$work/compared")" [ "$code" = 0 ]
head -3 "$work/compared"
judge "writers did not panic" "$(grep -i panic "$work/writers" || :)" \
    [ "$(grep -ci panic "$work/writers" || :)" = 0 ]
sort "$work/writers" | sed -E 's/[0-9]+/N/g' | uniq -c | sort -rn | head -12

stub es
again=0
case=$root/tests/conformance/netmon/cases/01-sample-like
for _ in $(seq 100); do
    netmon --eshost "127.0.0.1:$port" --replay "$case/before.txt" "$case/after.txt" --elapsed 1
    [ "$status" = 0 ] || again=$((again + 1))
done
is "100 restarts without a spool: 100 documents, none refused" "0 100 100" \
    "$again $(asked 'len(log)' 'log[-1]["stored"]')"
finish
