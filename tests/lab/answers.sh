#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What a real OpenSearch with TLS and users says to netmon, and what netmon then says to its user:
# delivery, rights, a full disk, too many fields, starting, paused and stopped servers.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
opensearch
host=$(uname -n)
to=(--eshost "$os" --ca "$ca")
last=(--retry-secs 2 --timeout 2s)

delivered() {
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-plain
    ended "a document is delivered in silence" 0
    is "it is stored once" 1 "$(stored netmon-plain)"
    local field found
    for field in timestamp @timestamp; do
        found=$(ask POST /netmon-plain/_search "$(printf '{"query":{"bool":{"filter":[
            {"term":{"host.keyword":"%s"}},
            {"range":{"%s":{"gte":"now-1m","lte":"now+1s"}}}]}}}' "$host" "$field")")
        is "it is found by host and time range of $field" 1 \
            "$(json "value['hits']['total']['value']" <<<"$found")"
    done
    found=$(json "value['hits']['hits'][0]['_id']" <<<"$found")
    judge "its id names host, collector, start and sequence" "$found" \
        grep -Eq -- "^${host//[^A-Za-z0-9._-]/_}-netmon-[0-9a-f]{16}-1$" <<<"$found"
    found=$(ask POST /netmon-plain/_search '{"query":{"range":{"@timestamp":{"lt":"now-1h"}}}}')
    is "it is not found an hour ago" 0 "$(json "value['hits']['total']['value']" <<<"$found")"

    netmon "${to[@]}" "${as_netmon[@]:2}"
    is "without --esindex the index is netmon" 1 "$(stored netmon)"
    LAB_ENV="NETVITALS_ES_USER=netmon NETVITALS_ES_PASSWORD=lab-netmon-1" \
        netmon "${to[@]}" --esindex netmon-env
    ended "user and password from the environment" 0
    is "that document is stored" 1 "$(stored netmon-env)"
    echo lab-netmon-1 >"$work/secret"
    chmod 600 "$work/secret"
    netmon "${to[@]}" --esuser netmon --es-pwd-file "$work/secret" --esindex netmon-file
    ended "password from a file" 0
    is "this document is stored, too" 1 "$(stored netmon-file)"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-gz --gzip
    ended "a compressed body is delivered" 0
    is "it is stored as well" 1 "$(stored netmon-gz)"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-many --count 7 --batch-age 400ms -v
    ended "seven documents in batches" 0 7
    is "all seven are stored" 7 "$(stored netmon-many)"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-auto --es-auto-id
    ended "ids made by the server" 0
    is "one document has such an id" 1 "$(stored netmon-auto)"
}

refused() {
    netmon "${to[@]}" --esuser netmon --espwd wrong "${last[@]}"
    ended "wrong password" 1 '401.*(user|password|credential)'
    at_most "it is final: no wait for --retry-secs" 1 "$seconds"
    netmon "${to[@]}" "${last[@]}"
    alike=1 ended "no user at all" 1 '401'
    netmon "${to[@]}" --esuser nobody --espwd lab-nobody-1 "${last[@]}"
    ended "missing rights" 1 '403.*(right|permission|allow)'
    at_most "that is final, too" 1 "$seconds"
    netmon "${to[@]}" --esuser nobody --espwd lab-nobody-1 --count 3 --batch-age 1s "${last[@]}"
    alike=1 ended "missing rights for a whole bulk request" 1 '403.*(right|permission|allow)'
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex other --count 3 --batch-age 1s "${last[@]}"
    alike=1 ended "missing rights for items of a bulk request" 1 '403.*(right|permission|allow)'
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-UPPER "${last[@]}"
    ended "an index name that cannot be" 2 'lower case'
    netmon "${to[@]}" "${as_netmon[@]:2}" --estype netmon --esindex netmon-type "${last[@]}"
    ended "a typed request to a server without types" 1 '(no handler|type)'
    ask PUT /netmon-map '{"mappings":{"properties":{"host":{"type":"long"}}}}' >/dev/null
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-map "${last[@]}"
    ended "a field of another type" 1 '400.*(mapper_parsing|failed to parse|field)'
}

full_disk() {
    local block='{"index.blocks.read_only_allow_delete":'
    ask PUT /netmon-full '{}' >/dev/null
    ask PUT /netmon-full/_settings "${block}true}" >/dev/null
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-full "${last[@]}"
    ended "a full disk of the server" 1 '(429|flood|read-only|blocked)'
    at_least "it was tried for --retry-secs" 1 "$seconds"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-full --count 3 --batch-age 1s \
        "${last[@]}"
    alike=1 ended "a full disk, told by items of a bulk request" 1 '(429|flood|read-only|blocked)'
    (sleep 2 && ask PUT /netmon-full/_settings "${block}null}" >/dev/null) &
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-full --retry-secs 30
    wait
    is "delivered when the disk has room again" "0 1" "$status $(stored netmon-full)"
}

many_fields() {
    local case=$root/tests/conformance/netmon/cases/11-300-interfaces
    local replay=(--replay "$case/before.txt" "$case/after.txt" --elapsed 1)
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-wide "${replay[@]}" "${last[@]}"
    ended "more than 1000 fields" 1 'fields.*(--interface.*total_fields|total_fields.*--interface)'
    is "nothing is stored of it" 0 "$(stored netmon-wide)"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-wide "${replay[@]}" \
        --interface 'wg00*'
    is "the remedy --interface works" "0 1" "$status $(stored netmon-wide)"
    ask PUT /netmon-wider '{"settings":{"index.mapping.total_fields.limit":6000}}' >/dev/null
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-wider "${replay[@]}"
    is "the remedy index.mapping.total_fields.limit works" "0 1" "$status $(stored netmon-wider)"
}

paused() {
    local pid
    pid=$(cat "$os_dir/pid")
    kill -STOP "$pid"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-paused --timeout 1s --retry-secs 2
    kill -CONT "$pid"
    ended "a server that hangs" 1 '(timed? ?out|no answer|within|in time)'
    at_most "time is bounded" 6 "$seconds"
    ask PUT /netmon-late '{}' >/dev/null
    kill -STOP "$pid"
    (sleep 3 && kill -CONT "$pid") &
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-late --timeout 1s --retry-secs 30
    wait
    is "delivered once when it goes on" "0 1" "$status $(stored netmon-late)"
    at_most "the first run stored at most one" 1 "$(stored netmon-paused)"
}

stopped() {
    local spool=$work/spool
    "$lab/opensearch.sh" stop "$os_dir"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-down "${last[@]}"
    ended "a server that is down" 1 'refused'
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-down "${last[@]}" --spool "$spool"
    ended "down, with a spool: the document waits, exit 0" 0 'spool|next run|left'
    is "in one line" 1 "$(wc -l <"$work/err")"
    PORT=$os_port "$lab/opensearch.sh" launch "$os_dir" >/dev/null
    local code=000 seen=no
    for _ in $(seq 400); do
        code=$(curl -sk -m 5 -o "$work/starting" -w '%{http_code}' -u netmon:lab-netmon-1 "$os/" ||
            :)
        [ "$code" != 503 ] || { seen=yes && break; }
        sleep 0.1
    done
    is "the starting server says 503" yes "$seen"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-start --timeout 2s --retry-secs 1
    [ "$status" = 0 ] ||
        alike=1 ended "a server that is starting" 1 '503|no answer'
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-start2 --timeout 5s --retry-secs 60
    is "503 while starting is retried until it is stored" "0 1" "$status $(stored netmon-start2)"
    netmon "${to[@]}" "${as_netmon[@]:2}" --esindex netmon-down --spool "$spool"
    ended "the next run delivers what waited" 0
    is "both documents are stored" 2 "$(stored netmon-down)"
}

delivered
refused
full_disk
many_fields
paused
stopped
judge "no secret on standard error" "$(grep -n 'lab-n' "$work/err.all" || :)" \
    [ "$(grep -c 'lab-n[eo]' "$work/err.all" || :)" = 0 ]
all_differ
finish
