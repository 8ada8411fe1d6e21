#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# netmon on a real kernel, and on each pair of samples; tests/board/judges/netmon compares.

netvitals netmon --count 2 --interval 500ms | tee live.json
[ "$(grep -c '"lo":{"recv_bytes":[0-9]*,.*"host":"testhost"}' live.json)" = 2 ]

for case in /conformance/netmon/cases/*; do
    elapsed=$(sed -n 's/.*"elapsed_seconds": *\([0-9.]*\).*/\1/p' "$case/case.json")
    netvitals netmon --replay "$case/before.txt" "$case/after.txt" --elapsed "$elapsed" \
        >"$(basename "$case").json"
done

# A thousand frames of 60 bytes in a window of three seconds, which may last 1 % longer.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # It would send frames of its own.
board veth load peer
netvitals netmon --interface load --interval 3s >load.json &
sleep 1
board send load 1000
wait $!
cat load.json
grep -qE '"trans_bytes":(20000|19[89][0-9]{2}),"trans_packets":33[0-3],' load.json
