"""Inputs that nobody meant: genuine ones with something done to their bytes or to what they say."""

import copy
import json
import os
import random
import time

import pytest

from sealflow.seal import SealError
from sealflow.seal.canonical import canonical_json
from sealflow.sealed.errors import Refused

SLOW = bool(os.environ.get("SEALFLOW_SLOW"))
INPUTS = 1_000_000 if SLOW else 1000
_ODD = [
    *(None, True, 0, -1, 1.5, 1e308, 2**53, "", "\0", "\ud800", "__proto__", "a" * 3000, [], {}, [[[[[]]]]]),
    *("2026-13-01T00:00:00.000Z", "../x", "sha256:" + "z" * 64),
]


def mutated_bytes(data, numbers):
    """The bytes with bits turned, pieces cut, repeated or left out."""
    result = bytearray(data)
    for _ in range(1 + int(numbers() * 3)):
        if not result:
            break
        at, kind = int(numbers() * len(result)), int(numbers() * 6)
        if kind < 2:
            result[at] ^= 1 << int(numbers() * 8)
        elif kind == 2:
            del result[at:]
        elif kind == 3:
            result[at:] = result[int(numbers() * len(result)) :]
        elif kind == 4:
            result[at : at + 4] = b"\xff" * len(result[at : at + 4])
        else:
            result[at] = int(numbers() * 256)
    return bytes(result)


def mutated_value(value, numbers):
    """A copy of a JSON value with a place or two left out, made odd, renamed, or taken from elsewhere."""
    places = []
    changed = _copied(value, places)
    for _ in range(1 + int(numbers() * 2)):
        parent, key = places[int(numbers() * len(places))]
        if key in parent if isinstance(parent, dict) else key < len(parent):
            _put_wrong(parent, key, places, numbers)
    return changed


def _copied(value, places):
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            places.append((result, key))
            result[key] = _copied(item, places)
        return result
    if isinstance(value, list):
        result = []
        for item in value:
            places.append((result, len(result)))
            result.append(_copied(item, places))
        return result
    return value


def _put_wrong(parent, key, places, numbers):
    old, kind = parent[key], int(numbers() * 7)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        parent[key] = copy.deepcopy(_ODD[int(numbers() * len(_ODD))])
    elif kind == 2 and isinstance(parent, dict):
        parent[f"{key}{int(numbers() * 10)}"] = old
    elif kind == 2:
        parent.append(copy.deepcopy(old))
    elif kind == 3:
        giver, name = places[int(numbers() * len(places))]
        if name in giver if isinstance(giver, dict) else name < len(giver):
            parent[key] = copy.deepcopy(giver[name])
    elif isinstance(old, str) and old:
        at = int(numbers() * len(old))
        parent[key] = old[:at] + chr(32 + int(numbers() * 95)) + old[at + int(numbers() * 2) :]
    elif isinstance(old, int):
        parent[key] = old + int(numbers() * 5) - 2
    else:
        parent[key] = copy.deepcopy(_ODD[int(numbers() * len(_ODD))])


def spelled(value):
    """JSON of a value that may hold what canonical JSON refuses."""
    try:
        return canonical_json(value)
    except ValueError:
        return json.dumps(value).encode()


def mutated_document(text, value, numbers):
    """A document with something done to its bytes, or to what they say."""
    return mutated_bytes(text, numbers) if numbers() < 0.5 else spelled(mutated_value(value, numbers))


def fuzz(name, one):
    """Give a parser its inputs, the same each time. Anything that `one` raises but a refusal is a defect."""
    numbers = random.Random(name).random
    refused, start = 0, time.monotonic()
    for i in range(INPUTS):
        try:
            one(numbers)
        except (SealError, Refused):
            refused += 1
        except Exception as error:
            pytest.fail(f"{name}: input {i}: {error!r}")
    if SLOW:
        seconds = round(time.monotonic() - start)
        print(f"{name}: {INPUTS} inputs, {refused} refused, {INPUTS - refused} gone through, {seconds} s")
