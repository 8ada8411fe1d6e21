#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A name server on 127.0.0.1:53 of a namespace: resolver.py ANSWERED COUNT_FILE

Of each ten queries the last ANSWERED get 127.0.0.1, the others silence. Every query is counted in
COUNT_FILE.
"""
import socket
import struct
import sys

answered, count_file = int(sys.argv[1]), sys.argv[2]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 53))
count = 0
while True:
    query, peer = sock.recvfrom(4096)
    with open(count_file, "w", encoding="utf-8") as file:
        file.write(str(count + 1))
    if count % 10 >= 10 - answered:
        end = query.index(0, 12) + 5
        kind = struct.unpack("!H", query[end - 4:end - 2])[0]
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(kind == 1), 0, 0)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if kind == 1 else b""
        sock.sendto(head + query[12:end] + record, peer)
    count += 1
