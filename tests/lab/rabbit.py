#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is in a queue of RabbitMQ, read by pika, and whether that is what was to be sent.

rabbit.py logs ROWS DIR               writes DIR/log_tcp_complete with ROWS rows, so 2 * ROWS objects
rabbit.py drain PORT QUEUE FILE       moves the messages of a queue to FILE, one JSON line each
rabbit.py queue PORT QUEUE WORD…      declares one, durable or not
rabbit.py same EXPECTED FILE REPEATS  FILE holds the objects of the JSON arrays in EXPECTED, in order,
                                      at most REPEATS messages more than once, each of them alike
rabbit.py count FILE                  how many messages FILE holds, and how many differ
"""
import json
import os
import sys

COLUMNS = """c_ip c_port c_pkts_all c_rst_cnt c_ack_cnt c_ack_cnt_p c_bytes_uniq c_pkts_data
c_bytes_all c_pkts_retx c_bytes_retx c_pkts_ooo c_syn_cnt c_fin_cnt s_ip s_port s_pkts_all s_rst_cnt
s_ack_cnt s_ack_cnt_p s_bytes_uniq s_pkts_data s_bytes_all s_pkts_retx s_bytes_retx s_pkts_ooo
s_syn_cnt s_fin_cnt first last durat c_first s_first c_last s_last c_first_ack s_first_ack c_isint
s_isint c_iscrypto s_iscrypto con_t p2p_t http_t""".split()


def connect(port):
    import pika # what else this does needs none

    login = pika.PlainCredentials("admin", "lab-admin-1")
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(port), "/", login))


def logs(rows, directory):
    os.makedirs(directory, exist_ok=True)
    with open(directory + "/log_tcp_complete", "w", encoding="ascii") as file:
        names = (f"{name}:{i + 1}" for i, name in enumerate(COLUMNS))
        file.write("#00#" + " ".join(names) + "\n")
        for row in range(int(rows)):
            values = {name: "7" for name in COLUMNS}
            values |= {"c_ip": f"10.0.{row // 250}.{row % 250}", "s_ip": "192.0.2.1"}
            values |= {"c_bytes_uniq": str(1_000_000 + row), "first": "1591905289000.5"}
            file.write(" ".join(values[name] for name in COLUMNS) + "\n")


def drain(port, queue, path):
    connection = connect(port)
    channel = connection.channel()
    with open(path, "w", encoding="utf-8") as file:
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                break
            line = {
                "exchange": method.exchange,
                "key": method.routing_key,
                "id": properties.message_id,
                "properties": {k: v for k, v in vars(properties).items() if v is not None},
                "body": body.decode(),
            }
            file.write(json.dumps(line) + "\n")
    connection.close()


def arrays(text):
    """The objects of JSON arrays that follow each other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        array, end = decoder.raw_decode(text)
        assert 1 <= len(array) <= 100, len(array)
        found += array
        text = text[end:]
    return found


def messages(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def same(expected, path, repeats):
    first, again = {}, 0
    for message in messages(path):
        if message["id"] in first:
            again += 1
            assert first[message["id"]] == message["body"], message["id"]
        first.setdefault(message["id"], message["body"])
    assert again <= int(repeats), f"{again} messages came again"
    order = sorted(first, key=lambda id: (id.rsplit("-", 2)[0], int(id.rsplit("-", 2)[1])))
    found = arrays("".join(first[id] for id in order))
    with open(expected, encoding="utf-8") as file:
        wanted = arrays(file.read())
    assert len(found) == len(wanted), f"{len(found)} objects, not {len(wanted)}"
    assert found == wanted, "other objects"


def count(path):
    ids = [message["id"] for message in messages(path)]
    print(len(ids), len(set(ids)))


def queue(port, name, *words):
    connection = connect(port)
    connection.channel().queue_declare(name, durable="durable" in words)
    connection.close()


if __name__ == "__main__":
    {"logs": logs, "drain": drain, "same": same, "count": count, "queue": queue}[sys.argv[1]](
        *sys.argv[2:])
