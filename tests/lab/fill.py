#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes a queue by itself, by the description in src/sink/spool/record.rs and name.rs:

fill.py DOCUMENTS START_ID SPOOL FILE

DOCUMENTS of netmon go to segments in SPOOL, as a process with that start id (16 hex digits) would
leave them, and the same, as they are to be stored, to FILE for load.py.
"""
import json
import os
import random
import struct
import sys
import time
import zlib

SEGMENT_BYTES = 1 << 20
count, start_id, spool, path = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
HOST, COLLECTOR = "lab", "netmon"
KEYS = [f"{way}_{key}" for way, keys in (
    ("recv", "bytes packets errs drop fifo frame compressed multicast"),
    ("trans", "bytes packets errs drop fifo colls carrier compressed")) for key in keys.split()]


def header():
    covered = struct.pack("<QBB", int(start_id, 16), len(HOST), len(COLLECTOR))
    covered += (HOST + COLLECTOR).encode()
    return b"nvspool\x01" + covered + struct.pack("<I", zlib.crc32(covered))


def record(sequence, wall_us, body):
    length = struct.pack("<I", len(body))
    rest = struct.pack("<QQ", sequence, wall_us) + body
    return b"\xff\xfenv" + length + struct.pack("<I", zlib.crc32(length + rest)) + rest


def document():
    rates = {name: {key: random.randrange(10 ** 7) if key.endswith(("bytes", "packets")) else 0
                    for key in KEYS} for name in ("lo", "eth0", "br-lan")}
    return json.dumps({**rates, "host": HOST}, separators=(",", ":"))


random.seed(count)
numbers = [int(name[:10]) for name in os.listdir(spool) if name.endswith(".seg")]
number = max(numbers, default=0) + 1
segment = header()
with open(path, "w", encoding="utf-8") as file:
    for sequence in range(1, count + 1):
        wall_us = time.time_ns() // 1000
        body = document()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall_us // 1000000))
        us = wall_us % 1000000
        file.write(f'{HOST}-{COLLECTOR}-{start_id}-{sequence}\n{{"timestamp":"{stamp}.{us:06}",'
                   f'"@timestamp":"{stamp}.{us // 1000:03}Z",{body[1:]}\n')
        segment += record(sequence, wall_us, body.encode())
        if len(segment) > SEGMENT_BYTES or sequence == count:
            with open(os.path.join(spool, f"{number:010}-{start_id}.seg"), "wb") as out:
                out.write(segment)
            number += 1
            segment = header()
