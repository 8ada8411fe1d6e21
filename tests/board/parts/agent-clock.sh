#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The wall clock is set back by fifty years, as on a router that has none of its own, then forward,
# then right, while the agent measures a steady stream; never beyond 2038, which busybox does not
# bear. The judge reads the documents.

echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # It would send frames of its own.
board veth lan3 peer3
router=$(cat /sys/class/net/lan3/address)

netvitals agent --config /dev/null --state-file '' -i lan3 --interval 1s --discovery passive \
    --no-ptr >documents &
agent=$!
until [ -s documents ]; do sleep 1; done
board traffic peer3 from=02:10:00:00:00:01 to="$router" rate=500 seconds=12 >sent &
sender=$!
now=$(date +%s)
sleep 3
board clock 217558800
sleep 3
board clock 2140000000
sleep 3
board clock $((now + 9))
wait "$sender"
sleep 2
kill "$agent"
wait "$agent"
