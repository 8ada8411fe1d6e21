#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A proxy before RabbitMQ that counts messages: amqp_proxy.py TARGET_PORT PORT_FILE K ACTION…

The first K messages of the first connection that has more go through, and nothing after them; then
ACTION is run, and when it is over, the connection is reset. All other connections go through.
Environment: LISTEN (the port; else a free one).
"""
import os
import socket
import subprocess
import sys
import threading

TARGET, PORT_FILE, K, ACTION = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
DONE = threading.Event()


def reset(*socks):
    for sock in socks:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        except OSError:
            pass


def copy(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def watch(client, broker):
    """Passes frames on to the broker until the message after the K-th begins."""
    held, count, greeted = b"", 0, False
    while chunk := client.recv(65536):
        held += chunk
        at = 0 if greeted else 8
        greeted = True
        while len(held) >= at + 7:
            end = at + 8 + int.from_bytes(held[at + 3:at + 7], "big")
            if len(held) < end:
                break
            if held[at] == 1 and held[at + 7:at + 11] == b"\0\x3c\0\x28": # basic.publish
                count += 1
                if count > K and not DONE.is_set():
                    DONE.set()
                    broker.sendall(held[:at])
                    subprocess.run(ACTION, check=False)
                    reset(client, broker)
                    return
            at = end
        broker.sendall(held[:at])
        held = held[at:]
    broker.shutdown(socket.SHUT_WR)


def talk(client):
    try:
        broker = socket.create_connection(("127.0.0.1", TARGET))
    except OSError:
        reset(client)
        return
    threading.Thread(target=copy, args=(broker, client), daemon=True).start()
    try:
        watch(client, broker)
    except OSError:
        reset(client, broker)


def main():
    with socket.create_server(("127.0.0.1", int(os.environ.get("LISTEN", "0")))) as server:
        with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
            file.write(str(server.getsockname()[1]))
        os.rename(PORT_FILE + ".new", PORT_FILE)
        while True:
            client, _ = server.accept()
            threading.Thread(target=talk, args=(client,), daemon=True).start()


main()
