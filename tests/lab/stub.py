#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An HTTP server on 127.0.0.1 that answers as it is told, for what no real server does on demand.

stub.py --port-file FILE [--port N] [--log FILE] [--script FILE] [--tls PEM KEY] [--key K] STEP…

Each request takes the next STEP; the last one repeats. A file given by --script, when it is there,
holds one step that stands above all. Each request is logged as one JSON line: n, conn, method,
path, headers, body, step. Steps:
  es              Elasticsearch in small: PUT _create, typed PUT and POST, _bulk; keeps ids, so 409
  api             an HTTP API that checks method, path, key, type, Idempotency-Key and body
  STATUS[,H:V…]   that status with a JSON body and these headers (v may name {port})
  item,STATUS,…   200, and a bulk answer whose items have these statuses in turn
  keep,STEP       does as es, then answers as STEP: stored, but the client cannot know
  bye             does as es, or says 201 to an API, promises to go on, and closes
  garbage, never, endless, endless-header, endless-line, trickle, close, cut, half, deaf, lies
                  see `Wild`
"""
import argparse
import gzip
import json
import os
import socket
import ssl
import sys
import threading
import time

LOCK = threading.Lock()
STORED = {}


def answer(status, body=b'{"result":"lab"}', headers=(), close=False):
    """The bytes of a whole answer."""
    head = [f"HTTP/1.1 {status} Lab", "Content-Type: application/json",
            f"Content-Length: {len(body)}", *headers]
    if close:
        head.append("Connection: close")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def as_json(status, value, **more):
    return answer(status, json.dumps(value).encode(), **more)


def keep(key, document):
    """Keeps a document; 409 when its id is known."""
    with LOCK:
        if key in STORED:
            return 409
        STORED[key] = document
        return 201


def item(status, key):
    """One item of a bulk answer."""
    made = {"_index": "lab", "_id": key, "status": status}
    if status >= 300:
        made["error"] = {"type": "lab_exception", "reason": f"the stub says {status}"}
    return {"create": made}


def bulk_lines(body):
    """Id and document of each pair of lines."""
    lines = body.split(b"\n")
    if lines[-1]:
        raise ValueError("a bulk body must end in a newline")
    for at in range(0, len(lines) - 1, 2):
        action = json.loads(lines[at])["create"]
        yield action.get("_id") or f"auto-{time.monotonic_ns()}", json.loads(lines[at + 1])


def elastic(request):
    """What Elasticsearch would answer to `request`, in small."""
    parts = request["path"].split("?")[0].strip("/").split("/")
    body = request["body"].encode()
    if request["method"] == "POST" and parts[-1] == "_bulk":
        items = [item(keep(key, value), key) for key, value in bulk_lines(body)]
        wrong = any(one["create"]["status"] >= 300 for one in items)
        return as_json(200, {"took": 1, "errors": wrong, "items": items})
    if request["method"] in ("PUT", "POST") and len(parts) >= 2:
        key = parts[-1] if request["method"] == "PUT" else f"auto-{time.monotonic_ns()}"
        status = keep(key, json.loads(body))
        return as_json(status, {"_id": key, "result": "created" if status == 201 else "conflict"})
    return as_json(405, {"error": "the stub does not know this request"})


def api(request, key):
    """Checks a request to the HTTP API; what is wrong is named in the answer and in the log."""
    headers = request["headers"]
    wrong = None
    if request["method"] != "POST":
        wrong = 405, "method"
    elif request["path"] != "/v1/documents":
        wrong = 404, "path"
    elif headers.get("authorization") != (f"Bearer {key}" if key else None):
        wrong = 401, "key"
    elif headers.get("content-type") != "application/json":
        wrong = 415, "content type"
    elif not headers.get("user-agent", "").startswith("netvitals/"):
        wrong = 400, "user agent"
    elif not headers.get("idempotency-key"):
        wrong = 428, "Idempotency-Key"
    if wrong is None:
        wrong = api_body(request)
    if wrong:
        request["wrong"] = wrong[1]
        return as_json(wrong[0], {"error": wrong[1]})
    return as_json(201, {"accepted": keep(headers["idempotency-key"], 1) == 201})


def api_body(request):
    """None, or what is wrong with the body: it must be netmon's, one or an array that says so."""
    try:
        value = json.loads(request["body"])
    except ValueError as error:
        return 400, f"body: {error}"
    many = value if isinstance(value, list) else [value]
    if isinstance(value, list) != ("+" in request["headers"]["idempotency-key"]):
        return 422, "an array and its key do not fit together"
    if isinstance(value, list) and \
            not request["headers"]["idempotency-key"].endswith(f"+{len(value)}"):
        return 422, "the key counts other than the array"
    for one in many:
        if list(one)[:2] != ["timestamp", "@timestamp"] or not isinstance(one.get("host"), str):
            return 422, "not a document of netmon"
    return None


class Wild:
    """Answers that no honest server gives. Each takes the connection and ends it."""

    def garbage(self, conn):
        conn.sendall(b"\x16\x03\x01\x00\xff SSH-2.0-lab\r\n\r\n\x00\x00")

    def never(self, conn):
        while conn.recv(65536):
            pass

    def endless(self, conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        while True:
            conn.sendall(chunk)

    def endless_header(self, conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X-Lab: " + b"x" * 1000 + b"\r\n")

    def endless_line(self, conn):
        conn.sendall(b"HTTP/1.1 200 ")
        while True:
            conn.sendall(b"x" * 0x4000)

    def trickle(self, conn):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Lab: slow\r\n" * 1000:
            conn.sendall(bytes([byte]))
            time.sleep(0.3)

    def close(self, conn):
        pass

    def cut(self, conn):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def half(self, conn):
        conn.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{"result":')

    def deaf(self, conn):
        """Says that it sends no more, without an answer, but keeps reading: half closed."""
        conn.shutdown(socket.SHUT_WR)
        self.never(conn)

    def lies(self, conn):
        """A bulk answer without items, to any request."""
        conn.sendall(answer(200, b'{"took":1,"errors":false,"items":[]}', close=True))


class Stub:
    """The server: its steps, its log, and one thread for each connection."""

    def __init__(self, options):
        self.options = options
        self.requests = 0
        self.conns = 0
        self.listener = socket.create_server(("127.0.0.1", options.port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.context = None
        if options.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*options.tls)

    def serve(self):
        while True:
            conn, _ = self.listener.accept()
            self.conns += 1
            threading.Thread(target=self.talk, args=(conn, self.conns), daemon=True).start()

    def talk(self, conn, number):
        try:
            if self.context:
                conn.settimeout(30)
                conn = self.context.wrap_socket(conn, server_side=True)
            conn.settimeout(600)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with conn, conn.makefile("rb") as stream:
                while (request := self.read(stream, conn)) is not None:
                    if not self.act(conn, request, number):
                        return
        except (OSError, ValueError):
            pass

    def read(self, stream, conn):
        """The next request, or None at the end."""
        if stream.peek(1)[:1] == b"\x16": # a TLS client at a plain port
            conn.sendall(answer(400, b"{}", close=True))
            return None
        first = stream.readline(65536).decode("latin-1").split()
        if len(first) < 3:
            return None
        headers = {}
        while (line := stream.readline(65536).decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.read_body(stream, headers)
        return {"method": first[0], "path": first[1], "headers": headers,
                "body": body.decode("utf-8", "replace")}

    def read_body(self, stream, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while (size := int(stream.readline().split(b";")[0], 16)) > 0:
                body += stream.read(size)
                stream.readline()
            stream.readline()
        else:
            body = stream.read(int(headers.get("content-length", "0")))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return body

    def step(self):
        """The step of this request, and its number."""
        with LOCK:
            self.requests += 1
            n = self.requests
        steps = self.options.steps
        step = steps[min(n, len(steps)) - 1]
        if self.options.script and os.path.exists(self.options.script):
            with open(self.options.script, encoding="utf-8") as file:
                step = file.read().strip() or step
        return n, step

    def act(self, conn, request, number):
        """Answers; False when the connection is at its end."""
        n, step = self.step()
        shown = step
        if step.startswith("keep,"):
            elastic(request)
            step = step[len("keep,"):]
        made = b""
        if step == "es" or (step == "bye" and request["path"] != "/v1/documents"):
            made = elastic(request)
        elif step == "bye":
            made = answer(201)
        elif step == "api":
            made = api(request, self.options.key)
        elif step.startswith("item,"):
            made = self.items(request, step.split(",")[1:])
        elif step.split(",")[0].isdigit():
            status, *headers = step.split(",")
            headers = [h.replace("{port}", str(self.port)) for h in headers]
            made = answer(status, headers=headers)
        self.note({"n": n, "conn": number, "step": shown, "stored": len(STORED), **request})
        if made:
            conn.sendall(made)
            return step != "bye"
        getattr(Wild(), step.replace("-", "_"))(conn)
        return False

    def items(self, request, statuses):
        """A bulk answer whose items have `statuses`, the last one repeated."""
        keys = [key for key, _ in bulk_lines(request["body"].encode())]
        made = [item(int(statuses[min(i, len(statuses) - 1)]), key) for i, key in enumerate(keys)]
        return as_json(200, {"took": 1, "errors": True, "items": made})

    def note(self, line):
        if self.options.log:
            with LOCK, open(self.options.log, "a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--script")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--key")
    parser.add_argument("steps", nargs="+", metavar="STEP")
    stub = Stub(parser.parse_args())
    with open(stub.options.port_file + ".new", "w", encoding="utf-8") as file:
        file.write(str(stub.port))
    os.rename(stub.options.port_file + ".new", stub.options.port_file)
    stub.serve()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
