#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The wall clock is set forward and back while netmon measures: as many windows as asked for, in the
# time that they take, and rates that nobody's clock can bend.
up() { cut -d . -f 1 /proc/uptime; }

start=$(up)
netvitals netmon --interval 1s --count 5 --interface lo >windows &
sleep 1
date -s '2031-05-06 07:08:09'
sleep 1
date -s '2001-02-03 04:05:06'
sleep 1
date -s '2026-11-21 00:00:00'
wait
took=$(($(up) - start))
[ "$(wc -l <windows)" = 5 ]
[ "$took" -ge 5 ] && [ "$took" -le 8 ]
if grep -v '^{"lo":{"recv_bytes":0,.*"host":"' windows; then exit 1; fi
