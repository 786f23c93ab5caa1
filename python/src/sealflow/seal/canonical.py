"""Canonical JSON (RFC 8785): each value has exactly one text."""

from __future__ import annotations

import json
import math
from typing import Any

from sealflow.seal.errors import SealError

MAX_LEVELS = 128
"""Levels of arrays and objects in a document, the outermost counted."""

_MAX_EXACT = 2**53


def canonical_json(value: Any) -> bytes:
    """UTF-8 of a value's canonical JSON.

    Raises ValueError for what JSON cannot say: NaN, infinities, lone surrogates, integers beyond 2^53, keys
    that are not text, other types.
    """
    return "".join(_parts(value)).encode("utf-8")


def is_deeper_than(value: Any, levels: int) -> bool:
    """Whether a JSON value has more than so many levels of arrays and objects."""
    if not isinstance(value, dict | list | tuple):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_deeper_than(item, levels - 1) for item in items)


def _parts(value: Any) -> list[str]:
    if value is None or isinstance(value, bool):
        return [json.dumps(value)]
    if isinstance(value, str):
        return [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, int | float):
        return [_number(value)]
    if isinstance(value, list | tuple):
        items = [",".join("".join(_parts(item)) for item in value)]
        return ["[", *items, "]"]
    if isinstance(value, dict):
        return ["{", ",".join(_member(key, value[key]) for key in sorted(value, key=_utf16)), "}"]
    raise ValueError(f"canonical JSON: expected a JSON value, got {type(value).__name__}")


def _utf16(key: Any) -> bytes:
    if not isinstance(key, str):
        raise ValueError(f"canonical JSON: expected text keys, got {type(key).__name__}")
    return key.encode("utf-16-be")


def _member(key: str, value: Any) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}:{''.join(_parts(value))}"


def _number(value: float) -> str:
    """The number as ECMAScript prints it (ECMA-262, Number::toString)."""
    if isinstance(value, int):
        if abs(value) > _MAX_EXACT:
            raise ValueError("canonical JSON: expected an integer within 2^53")
        return str(value)
    if not math.isfinite(value):
        raise ValueError(f"canonical JSON: expected a finite number, got {value}")
    if value == 0:
        return "0"
    mantissa, _, exponent = format_shortest(abs(value)).partition("e")
    digits = mantissa.replace(".", "")
    point = int(exponent) + 1
    return ("-" if value < 0 else "") + _place_point(digits, point)


def format_shortest(value: float) -> str:
    """The shortest digits that read back as the value, as ``d.ddde±x``."""
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    power = len(whole) - leading - 1 + int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    return f"{digits[0]}.{digits[1:]}e{power}"


def _place_point(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    power = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if power >= 0 else '-'}{abs(power)}"


def parse_canonical(text: bytes, *, code: str, what: str, max_bytes: int) -> Any:
    """The value behind canonical JSON; any other spelling is a SealError with the given code."""
    if len(text) > max_bytes:
        raise SealError(code, f"{what}: expected at most {max_bytes} bytes, got {len(text)}")
    try:
        value = json.loads(text.decode("utf-8"), parse_int=_integer, parse_constant=_refuse)
        deep = is_deeper_than(value, MAX_LEVELS)
        canonical = b"" if deep else canonical_json(value)
    except (ValueError, RecursionError):
        raise SealError(code, f"{what}: expected canonical JSON, got text that is not JSON") from None
    if deep:
        levels = f"at most {MAX_LEVELS} levels of arrays and objects"
        raise SealError(code, f"{what}: expected canonical JSON of {levels}, got more")
    if canonical != text:
        raise SealError(code, f"{what}: expected canonical JSON, got another spelling of the value")
    return value


def _integer(text: str) -> float:
    if len(text) > 400:
        raise ValueError("too many digits")
    return int(text) if len(text) < 18 and abs(int(text)) <= _MAX_EXACT else float(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")
