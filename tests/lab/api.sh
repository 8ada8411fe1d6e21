#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The HTTP API output against a server that checks method, path, key, content type, user agent,
# Idempotency-Key and body of every request.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
last=(--retry-secs 2 --timeout 1s)

good() {
    stub --key s3cr3t-k api
    local url=http://127.0.0.1:$port/v1/documents
    netmon --api-url "$url" --api-key s3cr3t-k
    ended "one document" 0
    is "nothing wrong with it" "1 0" "$(asked 'len(log)' 'sum("wrong" in r for r in log)')"
    is "its key is the document's id" True "$(asked '
        re.fullmatch("[A-Za-z0-9._-]+-netmon-[0-9a-f]{16}-1",
        log[-1]["headers"]["idempotency-key"]) is not None')"
    printf 's3cr3t-k\n' >"$work/key"
    netmon --api-url "$url" --api-key-file "$work/key"
    ended "key from a file" 0
    LAB_ENV=NETVITALS_API_KEY=s3cr3t-k netmon --api-url "$url"
    ended "key from the environment" 0
    netmon --api-url "$url" --api-key s3cr3t-k --count 3 -v
    ended "three documents, one by one" 0 3
    is "six requests by now" 6 "$(asked 'len(log)')"
    netmon --api-url "$url" --api-key s3cr3t-k --count 6 --batch 4 --batch-age 2s
    ended "arrays" 0
    is "six documents in arrays of at most four" "6 True" "$(asked \
        'sum(int(r["headers"]["idempotency-key"].rpartition("+")[2])
        for r in log if "+" in r["headers"]["idempotency-key"])' \
        'all(len(json.loads(r["body"])) <= 4 for r in log if r["body"][0] == "[")')"
    netmon --api-url "$url" --api-key s3cr3t-k --batch 4
    is "an array also of one" "0 +1" \
        "$status $(asked 'log[-1]["headers"]["idempotency-key"][-2:]')"
    netmon --api-url "$url" --api-key s3cr3t-k --gzip
    is "compressed" "0 gzip" "$status $(asked 'log[-1]["headers"]["content-encoding"]')"
    is "no request was wrong" 0 "$(asked 'sum("wrong" in r for r in log)')"
    netmon --api-url "$url" --api-key wrong-s3cr3t "${last[@]}"
    ended "a wrong key" 1 '401'
    netmon --api-url "${url}x" --api-key s3cr3t-k "${last[@]}"
    ended "a wrong path" 1 '404'
    judge "no key on standard error" "" [ "$(grep -c 's3cr3t' "$work/err.all" || :)" = 0 ]
}

answers() {
    local code
    for code in 200 202 204; do
        stub $code
        netmon --api-url "http://127.0.0.1:$port/" "${last[@]}"
        ended "$code means delivered" 0
    done
    stub 409
    netmon --api-url "http://127.0.0.1:$port/" "${last[@]}"
    ended "409 is a refusal" 1 '409'
    is "asked once" 1 "$(asked 'len(log)')"
    stub "302,Location: http://127.0.0.1:{port}/elsewhere"
    netmon --api-url "http://127.0.0.1:$port/" "${last[@]}"
    ended "a redirect names its target" 1 'elsewhere'
    is "it is not followed" 0 "$(asked 'sum(r["path"] == "/elsewhere" for r in log)')"
    stub 503 408 200
    netmon --api-url "http://127.0.0.1:$port/" --retry-secs 30
    is "503 and 408 are repeated" "0 3" "$status $(asked 'len(log)')"
    is "with one key and body" "1 1" "$(asked 'len({r["body"] for r in log})' \
        'len({r["headers"]["idempotency-key"] for r in log})')"
    stub --key k 503 api
    netmon --api-url "http://127.0.0.1:$port/v1/documents" --api-key k --count 5 --batch 3 \
        --batch-age 2s --retry-secs 30
    is "a refused array is repeated unchanged" "0 True" "$status $(asked '
        log[0]["body"] == log[1]["body"] and log[0]["headers"]["idempotency-key"] ==
        log[1]["headers"]["idempotency-key"]')"
}

spooled() {
    local spool=$work/spool
    stub 413 api
    netmon --api-url "http://127.0.0.1:$port/v1/documents" --count 4 --batch 4 --batch-age 2s \
        --spool "$spool" --dead-letter-kib 64 --retry-secs 20
    is "a refused array is halved, all of it arrives" "4" "$(asked '
        sum(len(json.loads(r["body"])) for r in log if r["step"] == "api" and "wrong" not in r)')"
    stub 400
    netmon --api-url "http://127.0.0.1:$port/v1/documents" --count 2 --spool "$spool" \
        --dead-letter-kib 64 --retry-secs 20 -v
    local dead
    dead=$(cat "$spool"/*dead* "$spool"/*/*dead* 2>/dev/null || :)
    is "what is refused for good is in the dead letters" 2 "$(grep -c '"status":400' <<<"$dead")"
    is "with time, output, status, reason and document" 2 "$(python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
print(sum({"time", "output", "status", "reason", "document"} <= set(line) for line in lines))' \
        <<<"$dead" 2>/dev/null || echo none)"
}

good
answers
spooled
all_differ
finish
