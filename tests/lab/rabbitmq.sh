#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# rabbitmq.sh fetch | start DIR | stop DIR | block DIR | unblock DIR | ctl DIR ARGUMENT…
# Debian's RabbitMQ as a node of its own below DIR: amqp on 127.0.0.1:$PORT (5673), amqps on
# $TLSPORT (5674) with the certificates of testca.sh in DIR/tls or $LAB_TLS ($LAB_CERT: expired,
# othername). Virtual host /; users admin/lab-admin-1 with all rights, netmon/lab-netmon-1 for
# names netmon* and netvitals*, nobody/lab-nobody-1 for no virtual host; topic exchange netvitals,
# bound with # to the durable queue netmon. `block` raises the memory alarm. `fetch` needs root and
# apt, the rest neither.
set -euo pipefail
command=${1:?command}
here=$(cd "$(dirname "$0")" && pwd)
bin=${RABBITMQ_BIN:-/usr/lib/rabbitmq/bin}

if [ "$command" = fetch ]; then
    # Debian's pika reads the queues, by Debian's own Python.
    [ -x "$bin/rabbitmq-server" ] && command -v epmd >/dev/null &&
        /usr/bin/python3 -c 'import pika' 2>/dev/null && exit
    # The package starts a broker of the system unless policy-rc.d says no.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        rabbitmq-server python3-pika
    exit
fi

dir=$(mkdir -p "${2:?DIR}" && cd "$2" && pwd)
port=${PORT:-5673}
tls_port=${TLSPORT:-5674}
[ -s "$dir/env" ] || cat >"$dir/env" <<E
export HOME='$dir' RABBITMQ_NODENAME=lab-$port@localhost RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_LOGS=- RABBITMQ_MNESIA_BASE='$dir/mnesia' RABBITMQ_LOG_BASE='$dir'
export RABBITMQ_GENERATED_CONFIG_DIR='$dir/gen' RABBITMQ_PID_FILE='$dir/rabbit.pid'
export RABBITMQ_CONFIG_FILE='$dir/rabbitmq.conf' RABBITMQ_ADVANCED_CONFIG_FILE='$dir/none'
export RABBITMQ_ENABLED_PLUGINS_FILE='$dir/enabled_plugins' ERL_EPMD_ADDRESS=127.0.0.1
export ERL_EPMD_PORT=${EPMD_PORT:-$((port < 55000 ? port + 9000 : port - 9000))}
export RABBITMQ_DIST_PORT=$((port < 45000 ? port + 20000 : port - 20000))
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2'
export RABBITMQ_CTL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
E
# shellcheck source=/dev/null
. "$dir/env"

# The script of the package itself: the one in /usr/sbin would become user rabbitmq.
ctl() { "$bin/rabbitmqctl" -q "$@"; }

# Whether somebody listens on the port.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

stop() {
    local file pid
    for file in pid epmd.pid; do
        [ -s "$dir/$file" ] || continue
        pid=$(cat "$dir/$file")
        kill "$pid" 2>/dev/null || :
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.2
        done
        kill -9 "$pid" 2>/dev/null || :
        rm -f "$dir/$file"
    done
}

configure() {
    local tls=$1 cert=${LAB_CERT:-server}
    echo '[].' >"$dir/enabled_plugins"
    cat >"$dir/rabbitmq.conf" <<E
listeners.tcp.1 = 127.0.0.1:$port
listeners.ssl.1 = 127.0.0.1:$tls_port
ssl_options.cacertfile = $tls/ca.pem
ssl_options.certfile = $tls/$cert.pem
ssl_options.keyfile = $tls/$cert.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
loopback_users = none
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.relative = 0.4
load_definitions = $dir/definitions.json
E
    cat >"$dir/definitions.json" <<'E'
{"vhosts": [{"name": "/"}],
 "users": [
  {"name": "admin", "password": "lab-admin-1", "tags": ["administrator"]},
  {"name": "netmon", "password": "lab-netmon-1", "tags": []},
  {"name": "nobody", "password": "lab-nobody-1", "tags": []}],
 "permissions": [
  {"user": "admin", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
  {"user": "netmon", "vhost": "/", "configure": "^(netmon|netvitals)",
   "write": "^(netmon|netvitals)", "read": "^(netmon|netvitals)"}],
 "exchanges": [{"name": "netvitals", "vhost": "/", "type": "topic", "durable": true,
   "auto_delete": false, "internal": false, "arguments": {}}],
 "queues": [{"name": "netmon", "vhost": "/", "durable": true, "auto_delete": false,
   "arguments": {}}],
 "bindings": [{"source": "netvitals", "vhost": "/", "destination": "netmon",
   "destination_type": "queue", "routing_key": "#", "arguments": {}}]}
E
}

start() {
    local tls=${LAB_TLS:-$dir/tls} one
    "$here/testca.sh" "$tls"
    umask 077
    configure "$tls"
    for one in "$port" "$tls_port" "$ERL_EPMD_PORT"; do
        ! listens "$one" || {
            echo "port $one is in use" >&2
            exit 1
        }
    done
    # On its own it would listen on all addresses, and outlive the broker.
    nohup setsid epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" >/dev/null 2>&1 </dev/null &
    echo $! >"$dir/epmd.pid"
    # So the script becomes the broker: the process is the broker's own.
    RUNNING_UNDER_SYSTEMD=true nohup setsid "$bin/rabbitmq-server" >>"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 480); do
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        if listens "$port" && listens "$tls_port"; then
            echo "amqp://127.0.0.1:$port amqps://127.0.0.1:$tls_port"
            exit
        fi
        sleep 0.25
    done
    echo "RabbitMQ does not start:" >&2
    tail -20 "$dir/log" >&2
    stop
    exit 1
}

case $command in
    ctl)
        shift 2
        ctl "$@"
        ;;
    block) ctl set_vm_memory_high_watermark 0 ;;
    unblock) ctl set_vm_memory_high_watermark 0.4 ;;
    stop) stop ;;
    start) start ;;
    *)
        echo "unknown command $command" >&2
        exit 2
        ;;
esac
