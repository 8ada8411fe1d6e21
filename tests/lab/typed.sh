#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Typed requests and ids made by the server, against a real Elasticsearch 7.10.2; exactly once over
# a line that loses answers.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
elasticsearch

# hits INDEX: number of documents, their types and whether every id is netmon's.
hits() {
    curl -s -m 20 -XPOST "$es/$1/_refresh" >/dev/null
    curl -s -m 20 "$es/$1/_search?size=100" | python3 -c '
import json, re, sys
hits = json.load(sys.stdin)["hits"]["hits"]
ours = {bool(re.search("-netmon-[0-9a-f]{16}-[0-9]+$", hit["_id"])) for hit in hits}
print(len(hits), *sorted({hit["_type"] for hit in hits}), *sorted(map(str, ours)))'
}

netmon --eshost "127.0.0.1:$es_port" --estype netmon
ended "typed: PUT with an id" 0
is "typed: stored with type and id" "1 netmon True" "$(hits netmon)"
netmon --eshost "127.0.0.1:$es_port" --estype netmon --count 5 --batch-age 400ms -v
ended "typed: a batch" 0 5
is "typed: all of it" "6 netmon True" "$(hits netmon)"
netmon --eshost "127.0.0.1:$es_port" --estype netmon --es-auto-id --esindex notnetmon
ended "typed, the original's own request: POST /INDEX/TYPE" 0
is "it has the server's id" "1 netmon False" "$(hits notnetmon)"
netmon --eshost "127.0.0.1:$es_port" --estype netmon --es-auto-id --esindex notnetmon --count 4 \
    --batch-age 400ms
ended "the same in a batch" 0
is "all have the server's ids" "5 netmon False" "$(hits notnetmon)"
netmon --eshost "127.0.0.1:$es_port" --esindex untyped
ended "untyped works here, too" 0
is "untyped: stored as _doc" "1 _doc True" "$(hits untyped)"
netmon --eshost "127.0.0.1:$es_port" --esindex untyped --es-auto-id
is "untyped with the server's id" "0 2 _doc False True" "$status $(hits untyped)"
netmon --eshost "127.0.0.1:$es_port" --esindex untyped --estype netmon --retry-secs 2
ended "typed into an untyped index" 1 '400.*type'
netmon --eshost "127.0.0.1:$es_port" --esindex untyped --estype netmon --count 3 --retry-secs 2 \
    --batch-age 1s
alike=1 ended "the same in a batch" 1 '400.*type'

proxy "$es_port"
for form in typed untyped; do
    typed=()
    [ $form = untyped ] || typed=(--estype netmon)
    echo mute >"$mode"
    sleep 0.2
    (sleep 2 && echo pass >"$mode") &
    netmon --eshost "127.0.0.1:$proxy_port" --esindex "once-$form" "${typed[@]}" --retry-secs 30
    wait "$!"
    is "$form: answer lost, repeated, stored once" "0 1" "$status $(hits "once-$form" | cut -c1)"
    echo mute >"$mode"
    sleep 0.2
    (sleep 2 && echo pass >"$mode") &
    netmon --eshost "127.0.0.1:$proxy_port" --esindex "once-$form" "${typed[@]}" --retry-secs 30 \
        --count 5
    wait "$!"
    is "$form: the same with a batch" "0 6" "$status $(hits "once-$form" | cut -c1)"
done
all_differ
finish
