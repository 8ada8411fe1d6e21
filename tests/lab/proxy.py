#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A TCP proxy on 127.0.0.1 whose line can be broken: proxy.py TARGET_PORT PORT_FILE MODE_FILE

The word in MODE_FILE, looked at every 20 ms, says what happens:
  pass    everything goes through
  refuse  nothing listens, open connections are reset: the port is closed
  hang    connections are taken and open ones kept, but no byte moves
  mute    requests go through, answers are thrown away and the connection then reset: the server
          has the documents, the client cannot know
"""
import asyncio
import os
import socket
import sys

TARGET, PORT_FILE, MODE_FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
MODE = "pass"
OPEN = set()


def reset(writer):
    sock = writer.get_extra_info("socket")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except (AttributeError, OSError):
        pass # it is closed already
    writer.transport.abort()


async def pump(reader, writer, answers):
    """Copies one direction; `answers` is the way back."""
    while chunk := await reader.read(65536):
        while MODE == "hang":
            await asyncio.sleep(0.02)
        if answers and MODE == "mute":
            return
        writer.write(chunk)
        await writer.drain()


async def talk(reader, writer):
    OPEN.add(writer)
    up = None
    try:
        while MODE == "hang":
            await asyncio.sleep(0.02)
        up_reader, up = await asyncio.open_connection("127.0.0.1", TARGET)
        OPEN.add(up)
        ways = [asyncio.create_task(pump(reader, up, False)),
                asyncio.create_task(pump(up_reader, writer, True))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    except OSError:
        pass
    finally:
        for one in (writer, up):
            if one is not None:
                OPEN.discard(one)
                reset(one) if MODE != "pass" else one.close()


async def main():
    global MODE
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
        file.write(str(port))
    os.rename(PORT_FILE + ".new", PORT_FILE)
    while True:
        await asyncio.sleep(0.02)
        try:
            with open(MODE_FILE, encoding="utf-8") as file:
                MODE = file.read().strip() or MODE
        except FileNotFoundError:
            pass
        if MODE == "refuse" and server is not None:
            server.close()
            server = None
            for one in list(OPEN):
                reset(one)
        elif MODE != "refuse" and server is None:
            server = await asyncio.start_server(talk, "127.0.0.1", port)


asyncio.run(main())
