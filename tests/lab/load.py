#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A plain bulk loader: load.py URL CA USER:PASSWORD INDEX BATCH FILE

FILE has pairs of lines, an id and a document. One connection that stays, `create` with ids, BATCH
documents a request, nothing else. Prints documents and seconds; an item refused ends it.
"""
import base64
import http.client
import json
import ssl
import sys
import time
import urllib.parse

url, ca, user, index, batch, path = sys.argv[1:]
target = urllib.parse.urlsplit(url)
if target.hostname not in ("127.0.0.1", "localhost"):
    sys.exit(f"this loader sends to loopback only, not to {target.hostname}")
with open(path, encoding="utf-8") as file:
    lines = file.read().split("\n")
documents = list(zip(lines[0::2], lines[1::2]))
headers = {"Content-Type": "application/x-ndjson",
           "Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
began = time.monotonic()
if target.scheme == "https":
    link = http.client.HTTPSConnection(target.hostname, target.port, timeout=60,
                                       context=ssl.create_default_context(cafile=ca))
else:
    link = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
for at in range(0, len(documents), int(batch)):
    body = "".join(f'{{"create":{{"_index":"{index}","_id":"{key}"}}}}\n{document}\n'
                   for key, document in documents[at:at + int(batch)])
    link.request("POST", "/_bulk", body.encode(), headers)
    answer = link.getresponse()
    said = answer.read()
    if answer.status != 200 or json.loads(said)["errors"]:
        sys.exit(f"{answer.status}: {said[:500]}")
print(len(documents), f"{time.monotonic() - began:.3f}")
