#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/bench/connspy.sh [--big] [--check]
# connspy beside grep -c -F of the same host, on the same log in the same run: CPU and wall time,
# peak memory. The log has 20 MB, with --big 200 MB; the host asked for is in 0.2 to 1 % of the
# lines. With --check it fails when connspy takes more than its share. Needs GNU time; mawk as far
# as it is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

mb=20 check=
for word in "$@"; do
    case $word in
        --big) mb=200 ;;
        --check) check=1 ;;
        *)
            echo "connspy.sh: '$word' is not known; see its first lines" >&2
            exit 2
            ;;
    esac
done
netvitals=${NETVITALS-}
if [[ -z $netvitals ]]; then
    cargo build --quiet --locked --profile server --no-default-features \
        --features connspy
    netvitals=${CARGO_TARGET_DIR:-target}/server/netvitals
fi
netvitals=$(realpath "$netvitals")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log host=zylana

# 5 000 names of three syllables, some in many lines, most in few, the one asked for in 0.4 %;
# milliseconds that mostly go on.
awk -v bytes=$((mb * 1000000)) -v host="$host" 'BEGIN {
    srand(7)
    count = split("ka Tan ri el Mo zy lyn ar bet shi Dre on va ke il Jo sen", syllables, " ")
    for (i = 0; i < 5000; i++)
        names[i] = syllables[i % count + 1] syllables[int(i / count) % count + 1] \
            syllables[int(i / count / count) + 1]
    now = 1565647200000
    while (size < bytes) {
        now += int(rand() * 40)
        at = rand() < 0.05 ? now - int(rand() * 200000) : now
        to = ++lines % 250 ? names[int(5000 * rand() ^ 1.5)] : host
        line = sprintf("%.0f %s %s", at, names[int(5000 * rand() ^ 1.5)], to)
        print line
        size += length(line) + 1
    }
}' >"$log"

# The least CPU time of five runs, the wall time of that run, the memory: seconds, seconds, KiB.
measure() {
    local try TIMEFORMAT='%3U %3S %3R'
    for try in 1 2 3 4 5; do
        { time "$@" >"$work/out" 2>"$work/err.$try"; } 2>>"$work/times"
    done
    /usr/bin/time -o "$work/peak" -f '%M' "$@" >"$work/out"
    awk -v peak="$(tail -n 1 "$work/peak")" '{ cpu = $1 + $2 }
        NR == 1 || cpu < least { least = cpu; wall = $3 }
        END { printf "%.3f %.3f %d\n", least, wall, peak }' "$work/times"
    rm "$work/times"
}

failed=0
printf '%d MB, %d lines, %d of them to the host\n' "$mb" "$(wc -l <"$log")" \
    "$(LC_ALL=C grep -c -F "$host" "$log")"
printf '%-34s %7s %7s %9s %7s\n' "" CPU/s wall/s peak/KiB times
# row NAME TIMES_MAX COMMAND…: one line of the table.
row() {
    local name=$1 times_max=$2 cpu wall peak times
    shift 2
    read -r cpu wall peak < <(measure "$@")
    [[ -n ${base-} ]] || base=$cpu
    times=$(awk -v cpu="$cpu" -v base="$base" 'BEGIN {
        printf "%.1f", cpu / (base ? base : 0.001) }')
    printf '%-34s %7s %7s %9s %7s' "$name" "$cpu" "$wall" "$peak" "$times"
    if [[ $times_max != - ]] &&
        awk -v t="$times" -v max="$times_max" -v p="$peak" \
            'BEGIN { exit t <= max && p <= 8192 }'; then
        printf '  above %s times or 8192 KiB' "$times_max"
        failed=1
    fi
    echo
}

groups=(--to_host "$host" --from_host "$host" --busiest_from_host --hourly)
row "grep -c -F" - env LC_ALL=C grep -c -F "$host" "$log"
row "connspy, range" 2.0 "$netvitals" connspy --to_host "$host" "$log"
row "connspy, range with an end" 2.0 "$netvitals" connspy --to_host "$host" \
    --time_end 1965647200 "$log"
row "connspy, hourly, three groups" 5.0 "$netvitals" connspy "${groups[@]}" "$log"
row "connspy-stream, three groups" - "$netvitals" connspy-stream --to "$host" --from "$host" "$log"
row "hourly, two threads" - "$netvitals" connspy "${groups[@]}" --threads 2 "$log"
if command -v mawk >/dev/null; then
    # Its single quotes belong to it.
    # shellcheck disable=SC2016
    row "mawk, hourly, three groups" - mawk -v host="$host" '{
        hour = int($1 / 3600000)
        if ($3 == host) to[hour, $2]
        if ($2 == host) from[hour, $3]
        if (++count[hour, $2] > most[hour]) { most[hour] = count[hour, $2]; name[hour] = $2 }
    } END { for (hour in most) print hour, name[hour] }' "$log"
fi
[[ -z $check ]] || exit "$failed"
