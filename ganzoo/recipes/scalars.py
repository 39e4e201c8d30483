"""How the scalars of a recipe are spelt, and what each of them means."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping

PREFIX = "tag:yaml.org,2002:"
NULL = f"{PREFIX}null"

PATTERNS: Mapping[str, re.Pattern[str]] = {
    NULL: re.compile(r"(?:null|~|)\Z"),
    f"{PREFIX}bool": re.compile(r"(?:true|false)\Z"),
    f"{PREFIX}int": re.compile(r"[-+]?[0-9]+\Z"),
    f"{PREFIX}float": re.compile(
        r"""(?: [-+]? (?: [0-9]+ \. [0-9]* | \. [0-9]+ ) (?: [eE] [-+]? [0-9]+ )?
              | [-+]? [0-9]+ [eE] [-+]? [0-9]+
              | [-+]? \. (?: inf | Inf | INF )
              | \. (?: nan | NaN | NAN ) ) \Z""",
        re.VERBOSE,
    ),
}
"""Tag → what a plain scalar of that type looks like; whatever looks like none of them is text."""


def construct(tag: str, value: str) -> bool | int | float | str | None:
    """Return what a scalar of that tag, spelt like that, means.

    Raises:
        ValueError: a value that no recipe may hold; the message says why.
    """
    return _CONSTRUCTORS.get(tag, readable)(value)


def readable(value: str) -> str:
    """Return the value if a person can read all of it, and a file name or a log can hold it."""
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            raise ValueError(f"holds a character that cannot be printed: {character!r}")
    return value


def integer(value: str) -> int:
    """Return a decimal integer; 012 is twelve."""
    digits = value.lstrip("+-").lstrip("0") or "0"
    number = int(digits) if len(digits) < 20 else 2**63
    number = -number if value.startswith("-") else number
    return fitting(number)


def fitting(number: int) -> int:
    """Return the integer if it fits in 64 bits, as every format that it will be written to asks."""
    if not -(2**63) < number < 2**63:
        raise ValueError("is an integer that does not fit in 64 bits")
    return number


def finite(number: float) -> float:
    """Return the number if it is finite: no parameter means anything by infinity or NaN."""
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def shortened(value: object, length: int = 60) -> str:
    """Return ``str(value)``, cut where it is longer than a message bears."""
    words = str(value)
    return words if len(words) <= length else f"{words[: length - 8]}...{words[-5:]}"


def shown(value: object) -> str:
    """Return how a message names a value that stands in a recipe."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return shortened(repr(value))


def _null(value: str) -> None:
    if value == "":
        raise ValueError("has no value - write null to mean none, or {} for an empty mapping")


def _float(value: str) -> float:
    return finite(float(value.lower().replace(".inf", "inf").replace(".nan", "nan")))


_CONSTRUCTORS: dict[str, Callable[[str], bool | int | float | str | None]] = {
    NULL: _null,
    f"{PREFIX}bool": lambda value: value == "true",
    f"{PREFIX}int": integer,
    f"{PREFIX}float": _float,
}
