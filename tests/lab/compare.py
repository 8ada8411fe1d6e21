#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares what kill.sh's writers wrote to their files with what the server has.

compare.py WORK SEARCH_ANSWER HOST: WORK/life-NNN/netmon.log has the documents of one life, one a
line; HOST is the name of the runs that emptied the queue. Exit status 1 when a document is missing,
there twice, or another one.
"""
import collections
import json
import pathlib
import re
import sys

work, answer, own_host = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(answer, encoding="utf-8") as file:
    found = json.load(file)["hits"]
wrong = []
if found["total"]["value"] != len(found["hits"]):
    wrong.append(f"{found['total']['value']} found, only {len(found['hits'])} shown")

stored = collections.defaultdict(dict)
for hit in found["hits"]:
    parts = re.fullmatch(r"(.+)-netmon-([0-9a-f]{16})-([0-9]+)", hit["_id"])
    if parts is None:
        wrong.append(f"id {hit['_id']}")
        continue
    host, start, sequence = parts[1], parts[2], int(parts[3])
    if hit["_source"]["host"] != host:
        wrong.append(f"{hit['_id']} is a document of {hit['_source']['host']}")
    stored[host, start][sequence] = hit["_source"]

handed_over = last_only = 0
lives = sorted(path.parent.name for path in work.glob("life-*/netmon.log"))
for life in sorted({host for host, _ in stored} - {own_host} | set(lives)):
    starts = [start for host, start in stored if host == life]
    log = work / life / "netmon.log"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    if len(starts) > 1:
        wrong.append(f"{life}: {len(starts)} start ids")
        continue
    documents = stored[life, starts[0]] if starts else {}
    gaps = sorted(set(range(1, max(documents, default=0) + 1)) - set(documents))
    if gaps:
        wrong.append(f"{life}: {len(gaps)} of {len(lines)} missing: {gaps[:10]}")
    if abs(len(lines) - max(documents, default=0)) > 1:
        wrong.append(f"{life}: {len(lines)} in its file, {max(documents, default=0)} stored")
    last_only += abs(len(lines) - max(documents, default=0))
    handed_over += max(len(lines), len(documents))
    for sequence, line in enumerate(lines, 1):
        document = documents.get(sequence)
        if document is None:
            continue
        times = [document.pop(key, None) for key in ("timestamp", "@timestamp")]
        if None in times:
            wrong.append(f"{life}: {sequence} has no times")
        if document != json.loads(line):
            wrong.append(f"{life}: {sequence} is another document than that of the file")
    times = [documents[k].get("@timestamp", "") for k in sorted(documents)]
    if times != sorted(times):
        wrong.append(f"{life}: times go back")
bodies = len(found["hits"])
print(f"{len(lives)} lives, {handed_over} documents handed over, {bodies} stored (with those of "
      f"the last runs), {last_only} lives whose last one is in one place only")
print("\n".join(wrong[:40]))
sys.exit(1 if wrong or not lives or handed_over < len(lives) else 0)
