#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server on this machine's loopback, to be reached from a network namespace as well:
window.py PID PORT: in the namespace of process PID, 127.0.0.1:PORT is ours. A socket stays in the
namespace in which it was made."""
import asyncio
import ctypes
import os
import socket
import sys

PID, PORT = sys.argv[1], int(sys.argv[2])


def enter(descriptor):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


async def pump(reader, writer):
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def talk(reader, writer):
    up_reader, up = await asyncio.open_connection("127.0.0.1", PORT)
    await asyncio.gather(pump(reader, up), pump(up_reader, writer))


async def main():
    ours = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(os.open(f"/proc/{PID}/ns/net", os.O_RDONLY))
    listener = socket.create_server(("127.0.0.1", PORT))
    enter(ours)
    server = await asyncio.start_server(talk, sock=listener)
    await server.serve_forever()


asyncio.run(main())
