#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# An echo round, traces and port checks on a real kernel of a router, to itself.

netvitals connvitals -j -p 20 --spacing 5ms -t -s 127.0.0.1 127.0.0.2 >vitals.json
[ "$(wc -l <vitals.json)" = 2 ]
[ "$(grep -c '"loss":0.000000}' vitals.json)" = 2 ]
[ "$(grep -cE '"trace":\[\["127.0.0.[12]", [0-9]+\.[0-9]{6}\]\]' vitals.json)" = 2 ]
grep '"scan":{"http":"None","https":"None","mysql":"None"}' vitals.json

# The kernel's stamps and our clock agree: an echo to ourselves takes less than 100 ms.
grep -E '^\{"addr":"127.0.0.1","name":"127.0.0.1","ping":\{"min":[0-9]{1,2}\.' vitals.json

netvitals connvitals -p 3 -t --trace-mode icmp --payload-size 65507 127.0.0.1 >text
[ "$(sed -n 2p text | cut -f 5)" = 0.000 ]
sed -n 3p text | grep '^127.0.0.1'
