#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Time goes on after 2038-01-19, when 32 bits are full; the judge looks for the stamp of a log line.
# The last part by its name: what was touched then is too new for busybox.

before=$(date +%s)
board clock 2209000000
netvitals planned-to-fail 2>/dev/console || true
netvitals netmon --logpath /tmp/log --logappend
netvitals netmon --logpath /tmp/log --logappend --rotate-kib 1
netvitals netmon --interface lo
board clock "$before"
