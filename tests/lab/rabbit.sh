#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# rabbit.sh [K…]: tstat-send to a real RabbitMQ: what arrives, with which properties, what is told
# when it does not; the broker killed after K messages (3, 11 and 19 of 20; `all` is each of them),
# the connection cut, a broker that takes nothing. After each of them all objects are in the queue,
# and only messages that were unconfirmed came again, each under its old id.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
kills=("$@")
[ $# -gt 0 ] || kills=(3 11 19)
[ "${1:-}" != all ] || mapfile -t kills < <(seq 1 19)
# Slices that may be under way at once.
repeats_max=16
tree=$root/tests/conformance/tstat
need_program
# shellcheck source=tests/lab/jvm.sh
. "$lab/jvm.sh"
try_thrice "RabbitMQ" "$lab/rabbitmq.sh" fetch
python=/usr/bin/python3
mq=$work/rabbitmq
mq_port=$(free_port)
tls_port=$((mq_port + 100))
servers+=("rabbitmq:$mq")
export PORT=$mq_port TLSPORT=$tls_port
"$lab/rabbitmq.sh" start "$mq" >/dev/null
tls=$mq/tls

# ini NAME [KEY=VALUE…]: writes $ini; a section is a word in brackets, what follows belongs to it.
ini() {
    ini=$work/$1.ini
    local word set=" ${*:2} "
    {
        echo '[rabbit]'
        for word in host=127.0.0.1 "port=$mq_port" username=admin password=lab-admin-1 vhost=/ \
            queue=lab routing_key=lab exchange=; do
            [[ "$set" == *" ${word%%=*}="* ]] || echo "${word%%=*} = ${word#*=}"
        done
        for word in "${@:2}"; do
            if [ "$word" = "${word#[}" ]; then
                echo "${word%%=*} = ${word#*=}"
            else
                echo "$word"
            fi
        done
    } >"$ini"
}

durable=('[rabbit_queue_options]' durable=True)

# logs: a fresh tree with one directory of 1000 rows, so 20 messages; $logs.
logs() {
    logs=$work/logs
    rm -rf "$logs"
    $python "$lab/rabbit.py" logs 1000 "$logs/one.out"
}

# start_send ARGUMENT…: tstat-send of $logs by $ini in the background; $pid.
start_send() {
    began=$SECONDS
    env -i PATH="$PATH" "$nv" tstat-send -d "$logs" -c "$ini" --bytes 0 --sensor sensor1 "$@" \
        >"$work/out" 2>"$work/err" &
    pid=$!
    pids+=("$pid")
}

send() {
    start_send "$@"
    wait_nv
}

# told NAME STATUS PATTERN [ARGUMENT…]: sends, and is told so; nothing is marked then.
told() {
    send "${@:4}"
    ended "$1" "$2" "$3"
    [ "$2" = 0 ] || judge "$1: nothing is marked" "" [ ! -e "$logs/one.out/.processed" ]
}

# drained [QUEUE]: moves the messages of the queue to $work/drained.
drained() { $python "$lab/rabbit.py" drain "$mq_port" "${1:-lab}" "$work/drained"; }

# arrived NAME EXPECTED REPEATS: all objects are there, in order, so many messages again at most.
arrived() {
    drained
    holds "$1: all objects, $(counted) messages" \
        $python "$lab/rabbit.py" same "$2" "$work/drained" "$3"
    judge "$1: marked" "" [ -e "$logs/one.out/.processed" ]
}

counted() { $python "$lab/rabbit.py" count "$work/drained" | tr ' ' /; }

# properties MODE EXCHANGE KEY: each message that was drained has these.
# shellcheck disable=SC2317 # called by `holds`
properties() {
    python3 - "$work/drained" "$@" <<'P'
import json, re, sys
for line in open(sys.argv[1]):
    message = json.loads(line)
    got = message["properties"]
    assert re.fullmatch(r"tstat-[\w.]+-\d+-[0-9a-f]{16}", got.pop("message_id")), message["id"]
    assert got == {"content_type": "application/json", "delivery_mode": int(sys.argv[2])}, got
    assert (message["exchange"], message["key"]) == (sys.argv[3], sys.argv[4]), message
P
}

# proxy_after K ACTION…: $proxy_port goes to the broker, until K messages went.
proxy_after() {
    rm -f "$work/proxy.port"
    LISTEN=${LISTEN:-0} python3 "$lab/amqp_proxy.py" "$mq_port" "$work/proxy.port" "$@" \
        2>>"$work/proxy.err" &
    pids+=("$!")
    disown "$!"
    appears "$work/proxy.port"
    proxy_port=$(cat "$work/proxy.port")
}

# says PATTERN: waits until the run that is under way says so, 20 s at most.
says() {
    for _ in $(seq 400); do
        ! grep -Eiq -- "$1" "$work/err" || return 0
        sleep 0.05
    done
    return 1
}

# ---- what arrives

for number in 01-upstream-sample 02-mixed-malformed 03-edge-values; do
    logs=$work/logs
    rm -rf "$logs"
    cp -r "$tree/$number/in" "$logs"
    ini plain
    send --udp-durations ms
    judge "$number: sent" "$(cat "$work/err")" [ "$status" = 0 ]
    drained
    holds "$number: as recorded" $python "$lab/rabbit.py" same \
        "$tree/$number/expected-T0.json-stream" "$work/drained" 0
    [ "$number" != 02-mixed-malformed ] || is "five messages" 5/5 "$(counted)"
    holds "$number: properties" properties 1 "" lab
done
logs
env -i PATH="$PATH" "$nv" tstat-send -d "$logs" --bytes 0 --sensor sensor1 -N >"$work/expected" \
    2>/dev/null
ini durable queue=durable routing_key=durable "${durable[@]}"
send
drained durable
is "twenty messages" 20/20 "$(counted)"
holds "a durable queue gets persistent messages" properties 2 "" durable
ini routed username=netmon password=lab-netmon-1 queue=netmon exchange=netvitals \
    routing_key=site.7 "${durable[@]}"
logs
send
drained netmon
holds "an exchange routes them" properties 2 netvitals site.7

# ---- what is told

logs
ini lost routing_key=nowhere
told "unroutable" 1 "312 NO_ROUTE.*routing_key .nowhere."
ini password password=wrong-secret
told "wrong password" 1 "403 ACCESS_REFUSED.*check username and password" -v
judge "no password is told" "" [ "$(grep -c 'wrong-secret\|lab-admin' "$work/err")" = 0 ]
ini vhost username=nobody password=lab-nobody-1
told "no right to the virtual host" 1 "530 NOT_ALLOWED.*set_permissions"
ini mismatch queue=netmon '[rabbit_queue_options]' durable=False
told "durable mismatch" 1 "406 PRECONDITION_FAILED.*durable.*rabbit_queue_options"
ini passive queue=absent '[rabbit_queue_options]' passive=True
told "no such queue" 1 "404 NOT_FOUND.*no queue"
ini exchange exchange=absent
told "no such exchange" 1 "404 NOT_FOUND.*create the exchange"
ini absent "port=$(free_port)"
told "nobody there" 1 "nobody listens there"
at_most "seconds of patience with it" 8 "$seconds"
ini full queue=full routing_key=full '[rabbit_queue_options]' x-max-length=5 \
    x-overflow=reject-publish
told "a full queue" 1 "could not take message .*x-overflow"

# ---- TLS

secure=("port=$tls_port" use_ssl=True '[ssl_options]')
ini no-tls use_ssl=True
told "TLS to the port without" 1 "not TLS.*5671"
ini tls-port "port=$tls_port"
told "no TLS to the port with" 1 "use_ssl = True"
ini other-ca "${secure[@]}" "ca_certs=$tls/otherca.pem"
told "TLS, wrong CA" 1 "unknown issuer.*ca_certs"
ini missing-ca "${secure[@]}" "ca_certs=$tls/absent.pem"
told "TLS, missing CA" 1 "cannot read ca_certs.*absent.pem"
ini tls "${secure[@]}" "ca_certs=$tls/ca.pem"
send
ended "TLS, right CA" 0 "do not outlive"
arrived "TLS" "$work/expected" 0

logs
ini unchecked "${secure[@]}" "ca_certs=$tls/otherca.pem" cert_reqs=CERT_NONE \
    "certfile=$tls/server.pem" "keyfile=$tls/server.key"
send
ended "TLS, a certificate of our own, nobody is checked" 0 "not checked"
drained
logs

# ---- a broker that takes nothing

logs
ini blocked heartbeat=2
"$lab/rabbitmq.sh" block "$mq" >/dev/null
start_send
judge "blocked: told" "$(cat "$work/err")" says "takes no messages for now: low on memory"
sleep 5 # longer than two heartbeats: the connection must live on
"$lab/rabbitmq.sh" unblock "$mq" >/dev/null
wait_nv
ended "blocked: waited for" 0 "takes messages again"
judge "blocked: one connection was enough" "$(cat "$work/err")" \
    [ "$(grep -c 'trying again' "$work/err")" = 0 ]
arrived "blocked" "$work/expected" 0

# ---- cuts

# cut_after K REPEATS ACTION…
cut_after() {
    logs
    proxy_after "$1" "${@:3}"
    ini cut "port=$proxy_port" queue=durable routing_key=durable "${durable[@]}"
    send
    ended "cut after $1" 0 "the connection broke.*trying again"
    drained durable
    holds "cut after $1: all objects, $(counted) messages" \
        $python "$lab/rabbit.py" same "$work/expected" "$work/drained" "$2"
}
cut_after 1 "$repeats_max" true
# Long enough for the confirms of what went before: nothing of that goes again.
cut_after 9 0 sleep 2
logs
# With the connection goes the proxy: it is lost for good, and a signal comes during the next tries.
# shellcheck disable=SC2016 # for the inner shell
proxy_after 7 sh -c 'sleep 2; kill -9 $PPID'
ini interrupted "port=$proxy_port"
start_send
judge "lost for good: told" "$(cat "$work/err")" says "nobody listens there.*trying again"
began=$SECONDS
kill -TERM "$pid"
wait_nv
at_most "seconds from a signal to the end" 4 "$seconds"
judge "interrupted: nothing is marked" "" [ ! -e "$logs/one.out/.processed" ]
# At the same address, as what went to another does not count.
LISTEN=$proxy_port proxy_after 100 true
send
judge "interrupted: sent" "$(cat "$work/err")" [ "$status" = 0 ]
drained
holds "interrupted: the next run goes on, $(counted) messages" \
    $python "$lab/rabbit.py" same "$work/expected" "$work/drained" 0

# ---- kills

for k in "${kills[@]}"; do
    logs
    proxy_after "$k" sh -c "kill -9 $(cat "$mq/pid"); sleep 0.2"
    ini killed "port=$proxy_port" queue=durable routing_key=durable "${durable[@]}"
    start_send
    says "trying again" || bad "the kill after $k is told" "$(cat "$work/err")"
    "$lab/rabbitmq.sh" stop "$mq"
    LAB_CERT=expired "$lab/rabbitmq.sh" start "$mq" >/dev/null
    wait_nv
    ended "killed after $k" 0 "trying again"
    drained durable
    holds "killed after $k: all objects, $(counted) messages" \
        $python "$lab/rabbit.py" same "$work/expected" "$work/drained" "$repeats_max"
done
logs
ini expired "${secure[@]}" "ca_certs=$tls/ca.pem"
told "TLS, expired certificate" 1 "certificate has expired"
all_differ
finish
