# shellcheck shell=bash disable=SC2034 # variables for the parts
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced by every part of the lab: the program, servers and stubs on loopback, checks and their
# count. A part ends with `finish`; everything that was started ends with it, whatever happens.

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$lab/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/netvitals-lab.XXXXXX")
pids=()
servers=()
passed=0
failed=0
status=0
seconds=0
nv=${NETVITALS_BIN:-}

leave() {
    local code=$? one mine=()
    trap - EXIT INT TERM
    for one in "${pids[@]}"; do # a number may belong to somebody else by now
        [ "$(status_of "$one" PPid)" != $$ ] || mine+=("$one")
    done
    kill -CONT "${mine[@]}" 2>/dev/null || :
    kill -TERM "${mine[@]}" 2>/dev/null || :
    [ ${#mine[@]} = 0 ] || sleep 0.2
    kill -KILL "${mine[@]}" 2>/dev/null || :
    for one in "${servers[@]}"; do
        "$lab/${one%%:*}.sh" stop "${one#*:}" || :
    done
    if [ -n "${NETVITALS_LAB_KEEP:-}" ]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
    exit $code
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- checks

ok() {
    passed=$((passed + 1))
    printf 'ok    %s\n' "$1"
}

# bad NAME DETAIL
bad() {
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$1"
    printf '%s\n' "${2:-}" | head -c 1500 | sed 's/^/      | /'
}

# judge NAME DETAIL COMMAND…: ok when the command succeeds.
judge() {
    if "${@:3}"; then ok "$1"; else bad "$1" "$2"; fi
}

# holds NAME COMMAND…: ok when the command succeeds; else what it said.
holds() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then ok "$name"; else bad "$name" "$* failed: $said"; fi
}

# is NAME EXPECTED FOUND
is() {
    judge "$1" "expected $2, found $3" [ "$2" = "$3" ]
}

# at_most NAME LIMIT FOUND, at_least: whole numbers.
at_most() {
    judge "$1 (${3:-nothing}, at most $2)" "too much" [ "${3:-$(($2 + 1))}" -le "$2" ]
}

at_least() {
    judge "$1 (${3:-nothing}, at least $2)" "too little" [ "${3:-$(($2 - 1))}" -ge "$2" ]
}

# ended NAME STATUS [PATTERN]: the last run ended so, and one line of its standard error matches the
# pattern (any case); without a pattern it said nothing. For `all_differ` the line of a fault is
# kept, unless alike=1: it may be that of another fault.
ended() {
    local name=$1 wanted=$2 pattern=${3:-} line
    local said
    said=$(cat "$work/err")
    if [ "$status" != "$wanted" ]; then
        bad "$name" "exit status $status, expected $wanted; after $seconds s; it said: $said"
    elif [ -z "$pattern" ]; then
        judge "$name" "it should be silent, but said: $said" [ -z "$said" ]
    elif line=$(grep -Eim1 -- "$pattern" "$work/err"); then
        ok "$name"
        [ "$wanted" = 0 ] || [ -n "${alike:-}" ] ||
            printf '%s\t%s\n' "$name" "$line" >>"$work/lines"
    else
        bad "$name" "no line matches /$pattern/: $said"
    fi
}

# all_differ: no two different faults were told with the same words.
all_differ() {
    local same
    touch "$work/lines"
    same=$(cut -f2 "$work/lines" | sed -E 's/:[0-9]{4,5}/:PORT/g; s/^[0-9TZ:. -]+//' |
        sort | uniq -d)
    judge "each fault has a line of its own" "$same" [ -z "$same" ]
    echo "what was said:"
    sed 's/^/      /' "$work/lines"
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
    exit
}

# ---- the program

# The program under test: $NETVITALS_BIN, else a release build of this tree.
need_program() {
    if [ -z "$nv" ]; then
        (cd "$root" && cargo build -q --release --locked --features tls,gzip,tstat)
        nv=${CARGO_TARGET_DIR:-$root/target}/release/netvitals
    fi
    [ -x "$nv" ] || {
        echo "no program at $nv: build it, or name one in NETVITALS_BIN" >&2
        exit 1
    }
}

# Ends the test when an argument names a server that is not on this machine's loopback.
loopback_only() {
    local word before=
    for word in "$@"; do
        case $before$word in
            --eshost* | --es-host* | --api-url*)
                if [ "$word" = "${word#--*=}" ] && [ -z "$before" ]; then
                    before="$word="
                    continue
                fi
                word=${word#--*=}
                word=${word#*://}
                case $word in
                    127.* | localhost | localhost[:/]* | '[::1]'*) ;;
                    *)
                        echo "this test sends to loopback only, not to $word" >&2
                        exit 1
                        ;;
                esac
                ;;
        esac
        before=
    done
}

# start_nv ARGUMENT…: `netvitals netmon` in the background with a clean environment; $pid.
# What is exported as LAB_ENV (NAME=VALUE words) goes along.
start_nv() {
    loopback_only "$@"
    local add=()
    read -ra add <<<"${LAB_ENV:-}"
    : >"$work/err"
    env -i PATH="$PATH" "${add[@]}" "$nv" netmon "$@" >"$work/out" 2>"$work/err" &
    pid=$!
    pids+=("$pid")
}

# wait_nv: waits for $pid; sets $status and $seconds (since start_nv, whole).
wait_nv() {
    wait "$pid" && status=0 || status=$?
    seconds=$((SECONDS - began))
    cat "$work/err" >>"$work/err.all"
}

# netmon ARGUMENT…: one short window (or --replay), at most 120 s; $status, $seconds, $work/out,
# $work/err.
netmon() {
    loopback_only "$@"
    local add=() window=(--interval 100ms)
    [[ " $* " != *" --replay "* ]] || window=()
    read -ra add <<<"${LAB_ENV:-}"
    began=$SECONDS
    timeout -k 5 120 env -i PATH="$PATH" "${add[@]}" "$nv" netmon "${window[@]}" "$@" \
        >"$work/out" 2>"$work/err" && status=0 || status=$?
    seconds=$((SECONDS - began))
    cat "$work/err" >>"$work/err.all"
}

# status_of PID KEY: a number from /proc/PID/status, 0 when it is gone.
status_of() {
    awk -v key="$2:" '$1 == key { print $2; found = 1 } END { if (!found) print 0 }' \
        "/proc/$1/status" 2>/dev/null || echo 0
}

# watch_nv: waits for $pid as wait_nv does, 60 s at most, then it is killed (status 137);
# $peak_kib (VmHWM) and $threads_most on the way.
watch_nv() {
    local now
    peak_kib=0 threads_most=0
    while kill -0 "$pid" 2>/dev/null; do
        now=$(status_of "$pid" VmHWM)
        [ "$now" -le "$peak_kib" ] || peak_kib=$now
        now=$(status_of "$pid" Threads)
        [ "$now" -le "$threads_most" ] || threads_most=$now
        [ $((SECONDS - began)) -lt 60 ] || kill -9 "$pid"
        sleep 0.05
    done
    wait_nv
}

# ---- stubs

# appears FILE: waits for it, 20 s at most.
appears() {
    for _ in $(seq 400); do
        [ -s "$1" ] && return
        sleep 0.05
    done
    echo "$1 does not appear: did its program start?" >&2
    return 1
}

# stub [OPTION…] STEP…: starts stub.py; $port, its log in $stub_log, $stub_pid.
stub() {
    stub_count=$((${stub_count:-0} + 1))
    stub_log=$work/stub.$stub_count.log
    : >"$stub_log"
    python3 "$lab/stub.py" --port-file "$work/stub.$stub_count" --log "$stub_log" \
        --script "$work/stub.script" "$@" 2>>"$work/stub.err" &
    stub_pid=$!
    pids+=("$stub_pid")
    disown "$stub_pid"
    appears "$work/stub.$stub_count"
    port=$(cat "$work/stub.$stub_count")
}

# asked EXPRESSION…: of python, over `log`, the requests that the last stub has got.
asked() {
    python3 - "$stub_log" "$@" <<'P'
import json, re, sys
log = [json.loads(line) for line in open(sys.argv[1])]
values = [eval(f"({one})") for one in sys.argv[2:]]
print(*(" ".join(sorted(one)) if isinstance(one, set) else one for one in values))
P
}

# proxy TARGET_PORT: starts proxy.py; $proxy_port, its mode in the file $mode.
proxy() {
    mode=$work/proxy.mode
    echo pass >"$mode"
    rm -f "$work/proxy.port"
    python3 "$lab/proxy.py" "$1" "$work/proxy.port" "$mode" 2>>"$work/proxy.err" &
    pids+=("$!")
    disown "$!"
    appears "$work/proxy.port"
    proxy_port=$(cat "$work/proxy.port")
}

# free_port: a TCP port of 127.0.0.1 that nobody uses now, nor the one 100 above it.
free_port() {
    python3 - <<'P'
import socket
while True:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        try:
            two.bind(("127.0.0.1", port + 100))
        except (OSError, OverflowError):
            continue
        print(port)
        break
P
}

# ---- real servers

# opensearch: a real one with TLS and users, that of $LAB_OPENSEARCH (a folder) or a new one;
# $os (URL), $os_dir, $os_port, $ca.
opensearch() {
    os_dir=${LAB_OPENSEARCH:-$work/opensearch}
    if [ -s "$os_dir/port" ]; then
        os_port=$(cat "$os_dir/port")
    else
        os_port=$(free_port)
        servers+=("opensearch:$os_dir")
        PORT=$os_port "$lab/opensearch.sh" start "$os_dir" >/dev/null
        echo "$os_port" >"$os_dir/port"
    fi
    ca=$os_dir/tls/ca.pem
    os=https://127.0.0.1:$os_port
    as_netmon=(--ca "$ca" --esuser netmon --espwd lab-netmon-1)
}

# elasticsearch: a real old one, that of $LAB_ELASTICSEARCH or a new one; $es, $es_dir, $es_port.
elasticsearch() {
    es_dir=${LAB_ELASTICSEARCH:-$work/elasticsearch}
    if [ -s "$es_dir/port" ]; then
        es_port=$(cat "$es_dir/port")
    else
        es_port=$(free_port)
        servers+=("elasticsearch:$es_dir")
        PORT=$es_port "$lab/elasticsearch.sh" start "$es_dir" >/dev/null
        echo "$es_port" >"$es_dir/port"
    fi
    es=http://127.0.0.1:$es_port
}

# opensearch_restart [SIGNAL]: stops it with the signal (TERM) and starts it again.
opensearch_restart() {
    kill "-${1:-TERM}" "$(cat "$os_dir/pid")"
    "$lab/opensearch.sh" stop "$os_dir"
    PORT=$os_port "$lab/opensearch.sh" start "$os_dir" >/dev/null
}

# ask METHOD PATH [BODY]: as the administrator of the real OpenSearch.
ask() {
    local more=()
    [ $# -lt 3 ] || more=(-H 'Content-Type: application/json' -d "$3")
    curl -s -m 60 --cacert "$ca" -u admin:lab-admin-1 -X "$1" "${more[@]}" "$os$2"
}

# stored INDEX [BASE]: how many documents it has.
stored() {
    ask POST "/$1/_refresh" >/dev/null
    ask GET "/$1/_count?ignore_unavailable=true" | json "value.get('count', 0)"
}

# json EXPRESSION: of python, over `value`, the JSON on standard input.
json() {
    python3 -c 'import json, sys
value = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}
