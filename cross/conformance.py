#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Judges netmon by the pairs of samples in tests/conformance/netmon/cases.

    cross/conformance.py NETVITALS…    runs that command (a runner before it is fine) on each pair
    cross/conformance.py --outputs DIR judges what was printed elsewhere: DIR/CASE.json

Structure, types and numbers must be equal; the order of keys is free, the host is any name. The
length of the window is passed on in the words of case.json, never through a float.
"""

import json
import pathlib
import re
import subprocess
import sys

CASES = pathlib.Path(__file__).parent.parent / "tests/conformance/netmon/cases"


def refuse(text):
    raise ValueError(f"{text} is not an integer")


def members(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key occurs twice: {keys}")
    return dict(pairs)


def parse(text):
    return json.loads(
        text, parse_float=refuse, parse_constant=refuse, object_pairs_hook=members
    )


def differences(expected, found, place=""):
    if type(expected) is not type(found):
        yield f"{place}: expected {expected!r}, found {found!r}"
    elif isinstance(expected, dict):
        for key in sorted(expected.keys() | found.keys()):
            where = f"{place}/{key}"
            if key not in found:
                yield f"{where}: missing"
            elif key not in expected:
                yield f"{where}: not expected"
            else:
                yield from differences(expected[key], found[key], where)
    elif place == "/host":
        if not found:
            yield "/host: empty"
    elif expected != found:
        yield f"{place}: expected {expected!r}, found {found!r}"


def run(command, case):
    text = (case / "case.json").read_text()
    elapsed = re.search(r'"elapsed_seconds": *([0-9.]+)', text)[1]
    words = ["netmon", "--replay", case / "before.txt", case / "after.txt"]
    result = subprocess.run(
        command + words + ["--elapsed", elapsed], capture_output=True, timeout=60
    )
    if result.returncode:
        raise ValueError(f"exit {result.returncode}: {result.stderr.decode()}")
    return result.stdout.decode()


def judge(case, output):
    try:
        expected = parse((case / "expected.json").read_text())
        return list(differences(expected, parse(output(case))))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return [str(error)]


def main(words):
    if not words or words[0] in ("-h", "--help"):
        sys.exit(__doc__)
    if words[0] == "--outputs":
        output = lambda case: pathlib.Path(words[1], f"{case.name}.json").read_text()
    else:
        output = lambda case: run(words, case)
    cases = sorted(CASES.iterdir())
    failed = 0
    for case in cases:
        wrong = judge(case, output)
        failed += bool(wrong)
        for line in wrong[:5]:
            print(f"{case.name}: {line}")
    print(f"netmon: {len(cases) - failed} of {len(cases)} pairs as expected")
    sys.exit(failed > 0 or not cases)


main(sys.argv[1:])
