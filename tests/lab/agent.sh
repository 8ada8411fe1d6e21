#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The agent's documents in a real OpenSearch: all of them are stored under their ids, with the types
# of the index template, and answer which device moved most in the last minute. The agent and its
# LAN are in a network namespace of their own. Needs root.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_program
target=${CARGO_TARGET_DIR:-$root/target}
CARGO_TARGET_DIR=$target/board cargo build -q --release --locked \
    --manifest-path "$root/tests/board/Cargo.toml"
board=$target/board/release/board
opensearch

# In the namespace; nothing is sent where there is another interface than ours.
unshare --net sleep 600 &
holder=$!
pids+=("$holder")
disown "$holder"
until [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
    sleep 0.05
done
inside=(nsenter "--net=/proc/$holder/ns/net")
is "a namespace of its own" 1 "$("${inside[@]}" awk 'NR > 2' /proc/net/dev | wc -l)"
"${inside[@]}" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
"${inside[@]}" ip link set lo up
"${inside[@]}" "$board" veth lan0 peer0
router=02:00:00:00:00:01
"${inside[@]}" ip link set lan0 address "$router"
"${inside[@]}" ip address add 10.9.0.1/24 dev lan0
python3 "$lab/window.py" "$holder" "$os_port" 2>"$work/window.err" &
pids+=("$!")
disown "$!"

template=$(tr -d '\n' <"$lab/agent-template.json")
is "the index template is taken" True \
    "$(ask PUT /_index_template/netvitals "$template" | json "value.get('acknowledged')")"

printf 'lab-netmon-1\n' >"$work/secret"
cat >"$work/netvitals" <<END
config netvitals 'main'
    option server_id 'gw'
    option interval '1s'
    list interface 'lan0'
    option spool ''
    option state_file '$work/state.json'
    option ptr '0'
config output 'es'
    option type 'elastic'
    option url '$os'
    option ca '$ca'
    option user 'netmon'
    option password_file '$work/secret'
config output 'all'
    option type 'file'
    option append '1'
    option path '$work/documents'
config device
    option mac '02:01:0a:09:00:03'
    option name 'television'
END
# Three devices that answer, and one of them moves most.
"${inside[@]}" "$board" lan peer0 10.9.0.2 3 0 tail --pid=$$ -f /dev/null 2>"$work/lan.err" &
pids+=("$!")
disown "$!"
"${inside[@]}" env -i PATH="$PATH" "$nv" agent --config "$work/netvitals" 2>"$work/err" &
agent=$!
pids+=("$agent")
for _ in $(seq 100); do
    [ "$(wc -l 2>/dev/null <"$work/documents" || echo 0)" -lt 3 ] || break
    sleep 0.1
done
for device in "2 200" "3 2000" "4 500"; do
    read -r last rate <<<"$device"
    "${inside[@]}" "$board" traffic peer0 from=02:01:0a:09:00:0"$last" to="$router" bytes=256 \
        seconds=4 rate="$rate" >"$work/sent.$last" &
    senders+=("$!")
done
wait "${senders[@]}"
sleep 2.5
kill -TERM "$agent"
wait "$agent" && status=0 || status=$?
ended "the agent ends well" 0
made=$(wc -l <"$work/documents")
at_least "documents" 6 "$made"
is "all of them are stored" "$made" "$(stored netvitals)"

found=$(ask POST /netvitals/_search '{"size":1000,"sort":["sequence"],"_source":
    ["startId","sequence","@timestamp","snapshotTime","host","serverId"]}')
is "under their ids, with time and host in front" "$made" "$(json "sum(
    hit['_id'] == 'gw-agent-' + hit['_source']['startId'] + '-' + str(hit['_source']['sequence'])
    and hit['_source']['@timestamp'] == hit['_source']['snapshotTime']
    and hit['_source']['host'] == 'gw' == hit['_source']['serverId']
    for hit in value['hits']['hits'])" <<<"$found")"

mapping=$(ask GET /netvitals/_mapping)
is "with the types of the template" "date nested ip keyword long double date" "$(json "(lambda top,
    device: ' '.join([top['snapshotTime']['type'],
    top['network']['properties']['connectedDevices']['type'], device['ip']['type'],
    device['mac']['type'],
    device['bandwidth']['properties']['rxBytesTotal']['type'],
    device['bandwidth']['properties']['utilizationPercent']['type'],
    device['firstSeen']['type']]))(value['netvitals']['mappings']['properties'],
    value['netvitals']['mappings']['properties']['network']['properties']['connectedDevices']
    ['properties'])" <<<"$mapping")"

# The top device of the last minute: by the bytes of its windows, without the router itself.
found=$(ask POST /netvitals/_search '{"size":0,
    "query":{"range":{"@timestamp":{"gte":"now-1m"}}},
    "aggs":{"devices":{"nested":{"path":"network.connectedDevices"},"aggs":{"others":{
    "filter":{"bool":{"must_not":{"term":{"network.connectedDevices.self":true}}}},
    "aggs":{"top":{"terms":{"field":"network.connectedDevices.mac","size":10,
    "order":{"bytes":"desc"}},"aggs":{
    "bytes":{"sum":{"field":"network.connectedDevices.bandwidth.txBytesTotal"}},
    "name":{"terms":{"field":"network.connectedDevices.deviceName"}}}}}}}}}}')
top() { json "value['aggregations']['devices']['others']['top']['buckets']$1" <<<"$found"; }
is "the top device of the last minute" 02:01:0a:09:00:03 "$(top "[0]['key']")"
is "under its name" television "$(top "[0]['name']['buckets'][0]['key']")"
is "then the others" "02:01:0a:09:00:04 02:01:0a:09:00:02" "$(top "[1]['key']") $(top "[2]['key']")"
is "and nobody else" 3 "$(top ".__len__()")"
sent=$(sed -n 's/^sent .* bytes=\([0-9]*\) .*/\1/p' "$work/sent.3")
counted=$(top "[0]['bytes']['value']")
judge "with the bytes that it sent ($sent)" "$counted" \
    awk "BEGIN { exit !($counted >= $sent && $counted <= $sent * 1.001) }"
found=$(ask POST /netvitals/_search '{"size":0,"query":{"nested":{"path":"network.connectedDevices",
    "query":{"term":{"network.connectedDevices.ip":"10.9.0.0/29"}}}}}')
at_least "documents are found by an address of theirs" 5 \
    "$(json "value['hits']['total']['value']" <<<"$found")"
finish
