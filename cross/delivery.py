#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Usage: cross/delivery.py COMMAND…

Runs COMMAND (a runner and a binary, or a binary) against an HTTPS server on loopback: a document
arrives whose server proves itself by a CA of our own, a server of an unknown CA is refused, and
what a spool keeps while the server is down arrives with the next run, once.
"""

import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASE = ROOT / "tests/conformance/netmon/cases/01-sample-like"
documents = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.keep(self.path.rsplit("/", 1)[1], self.body())
        self.answer(201, b"{}")

    def do_POST(self):
        lines = self.body().split(b"\n")[:-1]
        for action, document in zip(lines[::2], lines[1::2]):
            self.keep(json.loads(action)["create"]["_id"], document)
        items = [{"create": {"status": 201}}] * (len(lines) // 2)
        self.answer(200, json.dumps({"errors": False, "items": items}).encode())

    def body(self):
        return self.rfile.read(int(self.headers["content-length"]))

    def keep(self, identity, document):
        if identity in documents:
            sys.exit(f"{identity} came twice")
        documents[identity] = json.loads(document)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(certificates, port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(command, port, ca, *more):
    replay = ["netmon", "--replay", CASE / "before.txt", CASE / "after.txt"]
    where = ["--eshost", f"https://localhost:{port}", "--ca", ca, "--timeout", "60s"]
    where += ["--connect-timeout", "60s"]
    return subprocess.run(
        [*command, *replay, *where, *more], capture_output=True, text=True, timeout=300
    )


def check(what, good, result):
    if not good:
        sys.exit(f"delivery.py: {what}: failed: {result}; stored: {list(documents)}")
    print(f"delivery.py: {what}: ok")


def main():
    command = sys.argv[1:]
    if not command or command[0] in ("-h", "--help"):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        certificates = directory / "tls"
        subprocess.run([ROOT / "tests/lab/testca.sh", certificates], check=True)
        server = serve(certificates)
        port = server.server_address[1]
        result = run(command, port, certificates / "ca.pem")
        good = result.returncode == 0 and result.stderr == "" and len(documents) == 1
        check("a verified document", good and "lo" in list(documents.values())[0], result)
        result = run(command, port, certificates / "otherca.pem", "--retry-secs", "1s")
        good = result.returncode == 1 and "unknown issuer" in result.stderr
        check("an unknown CA", good and len(documents) == 1, result)
        server.shutdown()
        server.server_close()
        spool = ["--spool", directory / "spool"]
        result = run(command, port, certificates / "ca.pem", *spool, "--retry-secs", "0")
        good = result.returncode == 0 and "left in spool" in result.stderr
        check("a document for the spool", good and len(documents) == 1, result)
        serve(certificates, port)
        result = run(command, port, certificates / "ca.pem", *spool)
        good = result.returncode == 0 and result.stderr == "" and len(documents) == 3
        check("a spool recovered", good, result)


main()
