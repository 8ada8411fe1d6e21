#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# throughput.sh [DOCUMENTS [PAIRS]]: how fast netmon empties a spool into a real OpenSearch (TLS),
# against a plain bulk loader with the same documents, ids and batches, by turns. The median of the
# pairs must be 80 % of the loader or more.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
documents=${1:-20000}
pairs=${2:-5}
batch=500
percent_least=80
need_program
opensearch
case=$root/tests/conformance/netmon/cases/01-sample-like

# seconds_of_loader INDEX
seconds_of_loader() {
    python3 "$lab/load.py" "$os" "$ca" netmon:lab-netmon-1 "$1" $batch "$work/documents" |
        cut -d' ' -f2
}

# send INDEX: one run with the spool; it also sends a document of its own.
send() {
    netmon --replay "$case/before.txt" "$case/after.txt" --elapsed 1 --eshost "$os" \
        "${as_netmon[@]}" --esindex "$1" --batch $batch --spool "$work/spool.$1" \
        --spool-kib 262144 --retry-secs 120
}

# seconds_of_netmon INDEX: the first run makes the output known to the spool.
seconds_of_netmon() {
    send "$1"
    cp "$work"/filled/*.seg "$work/spool.$1/"
    local start
    start=$(date +%s%N)
    send "$1"
    awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.3f\n", ns / 1e9 }'
    [ "$status" = 0 ] || cat "$work/err" >&2
}

mkdir "$work/filled"
touch "$work/filled/0000099999-0.seg" # the numbers go on behind the runs' own
python3 "$lab/fill.py" "$documents" 00000000deadbeef "$work/filled" "$work/documents"
rm "$work/filled/0000099999-0.seg"
seconds_of_loader netmon-warm-loader >/dev/null
seconds_of_netmon netmon-warm >/dev/null
printf '%s documents of %s bytes, batches of %s, https\n' "$documents" \
    $(($(wc -c <"$work/documents") / documents)) $batch
printf 'pair  loader s  docs/s  netmon s  docs/s  percent\n'
for pair in $(seq "$pairs"); do
    if [ $((pair % 2)) = 1 ]; then
        loader=$(seconds_of_loader "netmon-loader-$pair")
        own=$(seconds_of_netmon "netmon-own-$pair")
    else
        own=$(seconds_of_netmon "netmon-own-$pair")
        loader=$(seconds_of_loader "netmon-loader-$pair")
    fi
    awk -v pair="$pair" -v a="$loader" -v b="$own" -v n="$documents" 'BEGIN {
        printf "%4d  %8.2f  %6d  %8.2f  %6d  %7d\n", pair, a, n / a, b, n / b, 100 * a / b }' |
        tee -a "$work/table"
    is "pair $pair: all are stored" "$((documents + 2)) $documents" \
        "$(stored "netmon-own-$pair") $(stored "netmon-loader-$pair")"
done
median=$(awk '{ print $6 }' "$work/table" | sort -n | sed -n "$(((pairs + 1) / 2))p")
at_least "median percent of a plain loader" $percent_least "$median"
one="lab-netmon-00000000deadbeef-7"
holds "a document of the queue is stored as the loader stores it" python3 -c '
import json, sys
own, other = (json.loads(text)["_source"] for text in sys.argv[1:])
assert own == other, sys.argv' \
    "$(ask GET "/netmon-own-1/_doc/$one")" "$(ask GET "/netmon-loader-1/_doc/$one")"
finish
