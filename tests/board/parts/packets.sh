#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The board itself: packet sockets lose nothing, miscounting is noticed, the ARP peer answers.

board veth near far
board count far 10000 board send near 10000
if board count far 11 board send near 10; then
    echo "a missing frame went unnoticed"
    exit 1
fi
ip address add 10.9.0.1/24 dev near
board arp far 10.9.0.64/26 arping -f -c 3 -w 5 -I near 10.9.0.77
if board arp far 10.9.0.64/26 arping -f -c 1 -w 2 -I near 10.9.0.7; then
    echo "an address outside the prefix was answered for"
    exit 1
fi
