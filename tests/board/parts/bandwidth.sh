#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Each frame is counted to its device, by the kernel (compiled or interpreted) and from the ring.

echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # It would send frames of its own.
board veth lan2 peer2
router=$(cat /sys/class/net/lan2/address)

# counted FILE SOURCE: "tx MAC FRAMES BYTES" and "rx …" of each device in the last window.
counted() {
    tail -n 1 "$1" | sed 's/"mac":"/\n&/g' | awk -F '[":,{}]+' -v source="$2" '/^"mac"/ {
        split("", first)
        for (i = 2; i < NF; i++) if (!($i in first)) first[$i] = $(i + 1)
        if (first["source"] != source) print first["source"]
        mac = substr($0, 8, 17)
        print "tx", mac, first["txPacketsSinceStart"], first["txBytesSinceStart"]
        print "rx", mac, first["rxPacketsSinceStart"], first["rxBytesSinceStart"]
    }' | sort
}

# sent WORD…: both ways; the accounts, without the router's own.
sent() {
    board traffic peer2 from=02:10:00:00:00:01/20 to="$router" "$@"
    board traffic lan2 from="$router" to=02:10:00:00:00:01/20 "$@"
}

exact() {
    capture=$1 name=$2
    netvitals bandwidth -i lan2 --json --no-ptr --interval 1s --capture "$capture" >"$name.json" &
    pid=$!
    until [ -s "$name.json" ]; do sleep 1; done
    {
        sent frames=20000
        sent frames=10000 kind=udp6 bytes=200
        sent frames=10000 vlan=7
        sent frames=500 kind=tcp4/1448 bytes=29014
    } >"$name.sent"
    sleep 3
    kill "$pid"
    wait "$pid" || true
    counted "$name.json" "$capture" >"$name.counted"
    awk '$1 != "sent" && $2 != router { frames[$1 " " $2] += $3; bytes[$1 " " $2] += $4 }
        END { for (key in frames) print key, frames[key], bytes[key] }' \
        router="$router" "$name.sent" | sort >"$name.truth"
    [ "$(wc -l <"$name.truth")" = 40 ]
    echo "$name: $(awk '{ sum += $3 } END { print sum }' "$name.truth") frames sent," \
        "$(awk '{ sum += $3 } END { print sum }' "$name.counted") counted"
    cmp "$name.truth" "$name.counted"
}

for jit in 0 1; do
    echo "$jit" >/proc/sys/net/core/bpf_jit_enable
    exact ebpf "jit-$jit"
done
exact ring ring
