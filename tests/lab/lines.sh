#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Faults between netmon and its server: certificates, the wrong scheme, connections that break, 429.
# Stubs, and the real OpenSearch for plain http to its TLS port.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
opensearch
last=(--retry-secs 2 --timeout 1s)
tls=$os_dir/tls

certificates() {
    netmon --eshost "$os" "${as_netmon[@]:2}" --ca "$tls/otherca.pem" "${last[@]}"
    ended "an unknown authority" 1 '(ca|authority|issuer|certificate).*'
    netmon --eshost "$os" "${as_netmon[@]:2}" "${last[@]}"
    alike=1 ended "not among the system's authorities" 1 '(ca|authority|issuer|certificate)'
    stub --tls "$tls/othername.pem" "$tls/othername.key" es
    netmon --eshost "https://localhost:$port" --ca "$ca" "${last[@]}"
    ended "a certificate for another name" 1 '(certificate.*(name|valid for)|name.*certificate)'
    stub --tls "$tls/expired.pem" "$tls/expired.key" es
    netmon --eshost "https://localhost:$port" --ca "$ca" "${last[@]}"
    ended "an expired certificate" 1 'expired'
    is "nothing went to a server with a bad certificate" 0 "$(asked 'len(log)')"
    netmon --eshost "https://localhost:$port" --insecure "${last[@]}"
    ended "--insecure delivers with a warning" 0 'insecure|not (checked|verified)|unverified'
    stub --tls "$tls/server.pem" "$tls/server.key" es
    netmon --eshost "https://localhost:$port" --ca "$ca"
    ended "the right name and authority are silent" 0
    netmon --eshost "https://127.0.0.1:$port" --ca "$ca"
    ended "so is the address in the certificate" 0
    is "both are stored" 2 "$(asked 'log[-1]["stored"]')"
    netmon --eshost "$os" --ca "$work/none.pem" "${last[@]}"
    is "a CA file that is not there is named" "yes" \
        "$([ "$status" != 0 ] && grep -q none.pem "$work/err" && echo yes || echo no)"
    echo nothing >"$work/empty.pem"
    netmon --eshost "$os" --ca "$work/empty.pem" "${last[@]}"
    is "a CA file without certificates is named" "yes" \
        "$([ "$status" != 0 ] && grep -q empty.pem "$work/err" && echo yes || echo no)"
}

schemes() {
    netmon --eshost "http://127.0.0.1:$os_port" "${last[@]}"
    ended "plain http to the TLS port of the real server" 1 'https|TLS|closed'
    stub es
    netmon --eshost "https://localhost:$port" --ca "$ca" "${last[@]}"
    ended "https to a plain port" 1 'TLS|https'
    netmon --eshost "127.0.0.1:$port"
    ended "no scheme means http" 0
    netmon --eshost "http://127.0.0.1:$port/prefix/" --esindex i
    ended "a path in front" 0
    is "it is kept" /prefix/i/_create "$(asked 'log[-1]["path"].rsplit("/", 1)[0]')"
    LAB_ENV="http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1" \
        netmon --eshost "127.0.0.1:$port" "${last[@]}"
    ended "proxy variables are not read" 0
}

requests() {
    stub es
    netmon --eshost "127.0.0.1:$port" --esuser 'us er' --espwd 'p@:sSw0rD'
    is "Basic authorization" "Basic $(printf 'us er:p@:sSw0rD' | base64)" \
        "$(asked 'log[-1]["headers"]["authorization"]')"
    LAB_ENV="NETVITALS_ES_API_KEY=abc" netmon --eshost "127.0.0.1:$port"
    is "ApiKey from the environment" "ApiKey abc" "$(asked 'log[-1]["headers"]["authorization"]')"
    netmon --eshost "127.0.0.1:$port" --es-api-key def
    is "ApiKey from the flag" "ApiKey def" "$(asked 'log[-1]["headers"]["authorization"]')"
    printf 'ghi\n' >"$work/key"
    netmon --eshost "127.0.0.1:$port" --es-api-key-file "$work/key"
    is "ApiKey from a file" "ApiKey ghi" "$(asked 'log[-1]["headers"]["authorization"]')"
    is "method and type" "PUT application/json" \
        "$(asked 'log[-1]["method"] + " " + log[-1]["headers"]["content-type"]')"
    netmon --eshost "127.0.0.1:$port" --estype t --esindex i
    is "typed form" 'True' "$(asked 're.fullmatch(
        "/i/t/[A-Za-z0-9._-]+-1[?]op_type=create", log[-1]["path"]) is not None')"
    stub es
    netmon --eshost "127.0.0.1:$port" --count 6 --batch-age 500ms --esindex i
    ended "six documents" 0
    is "all of them over one connection" "6 1" \
        "$(asked 'log[-1]["stored"]' 'len({r["conn"] for r in log})')"
    at_most "in few requests" 4 "$(asked 'len(log)')"
    is "a bulk is NDJSON to /_bulk" "POST application/x-ndjson" "$(asked '
        {r["method"] + " " + r["headers"]["content-type"] for r in log
        if r["path"].split("?")[0] == "/_bulk"}')"
}

retries() {
    stub 429 201
    netmon --eshost "127.0.0.1:$port" --retry-secs 20
    is "429, then 201" "0 2" "$status $(asked 'len(log)')"
    is "the repeat is the same request" True \
        "$(asked 'log[0]["path"] == log[1]["path"] and log[0]["body"] == log[1]["body"]')"
    stub "429,Retry-After: 3" 201
    netmon --eshost "127.0.0.1:$port" --retry-secs 20
    is "Retry-After, then 201" "0 2" "$status $(asked 'len(log)')"
    at_least "it was waited for" 2 "$seconds"
    stub 429
    netmon --eshost "127.0.0.1:$port" "${last[@]}"
    ended "429 without end" 1 '429'
    stub 500
    netmon --eshost "127.0.0.1:$port" "${last[@]}"
    ended "500 without end" 1 '500'
    stub 400
    netmon --eshost "127.0.0.1:$port" --retry-secs 20
    ended "400" 1 '400'
    is "it is asked once" 1 "$(asked 'len(log)')"
    stub item,201,429,201 es
    netmon --eshost "127.0.0.1:$port" --count 4 --batch-age 500ms --batch 500 --retry-secs 20 -v
    is "one item of a bulk is sent again alone" "0" "$status"
    stub keep,close es
    netmon --eshost "127.0.0.1:$port" --retry-secs 20
    is "stored, but the answer lost: the repeat finds it there" "0 2 1" \
        "$status $(asked 'len(log)' 'log[-1]["stored"]')"
    stub keep,cut es
    netmon --eshost "127.0.0.1:$port" --count 5 --batch-age 500ms --retry-secs 20
    is "the same with a batch and a reset" "0 5" "$status $(asked 'log[-1]["stored"]')"
    stub deaf 201
    netmon --eshost "127.0.0.1:$port" --retry-secs 20 --timeout 2s
    is "half-closed, then good" "0 2" "$status $(asked 'len(log)')"
    stub deaf
    netmon --eshost "127.0.0.1:$port" "${last[@]}"
    alike=1 ended "a half-closed connection" 1 'closed|ended|without.*answer|no answer'
}

certificates
schemes
requests
retries
all_differ
finish
