"""How a check ends: passed, failed, exempt or not checked, with what the author is told."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

PASSED, FAILED, EXEMPT, SKIPPED = "passed", "failed", "exempt", "skipped"
"""How a check ends. Exempt: it does not apply. Skipped: it does, and could not be made."""

_WORDS = {PASSED: "passed", FAILED: "FAILED", SKIPPED: "not checked", EXEMPT: "exempt"}


@dataclass(frozen=True)
class Outcome:
    """One check of one component."""

    component: str
    """The full id."""
    kind: str
    check: str
    outcome: str
    message: str = ""
    """What was expected and seen, or why nothing was checked; empty where it passed."""
    error: Exception | None = field(default=None, compare=False, repr=False)
    """The component's own error, where there was one."""

    @property
    def holds(self) -> bool:
        """Whether what comes after this check can rely on it."""
        return self.outcome in (PASSED, EXEMPT)

    def __str__(self) -> str:
        said = "not checked: " if self.outcome == SKIPPED else ""
        return f"{self.kind} {self.component}: {self.check}: {said}{self.message}"

    def to_dict(self) -> dict[str, str]:
        """Return the outcome as JSON data."""
        return {
            "component": self.component,
            "kind": self.kind,
            "check": self.check,
            "outcome": self.outcome,
            "message": self.message,
        }


def summary(outcomes: Iterable[Outcome]) -> str:
    """Return how many checks ended how, such as ``14 passed, 1 FAILED, 2 exempt``."""
    counts = Counter(each.outcome for each in outcomes)
    return ", ".join(f"{counts[end]} {words}" for end, words in _WORDS.items() if counts[end])


class Failed(Exception):
    """The component breaks the contract.

    Args:
        expected: what the contract says, to be read after the word "expected".
        got: what was seen, to be read after the word "got".
        advice: what the author can do about it.
    """

    def __init__(self, expected: str, got: str, advice: str) -> None:
        super().__init__(expected, got, advice)
        self.expected = expected
        self.got = got
        self.advice = advice
        self.where = ""
        """The case that it happened in; empty where the component as a whole is meant."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}expected {self.expected}, got {self.got}; {self.advice}"


class Exempt(Exception):
    """The check does not apply, because of what the component declares or does not offer."""


class NotChecked(Exception):
    """The check applies and could not be made: something is missing that only the user has."""


def failure(
    error: Exception,
    expected: str = "no error",
    advice: str = "the error is the component's own",
) -> Failed:
    """Return what any error of a check means to the author of the component."""
    if isinstance(error, Failed):
        return error
    words = " ".join(str(error).split())[:300]
    got = f"{type(error).__name__}: {words}{_place(error)}" if words else type(error).__name__
    failed = Failed(expected, got, advice)
    failed.__cause__ = error
    return failed


@contextmanager
def expecting(expected: str, advice: str) -> Iterator[None]:
    """Say of any error inside what was expected in its place, and what to do."""
    try:
        yield
    except (Exempt, NotChecked):
        raise
    except Exception as error:
        failed = failure(error, expected, advice)
        raise failed from failed.__cause__


def _place(error: Exception) -> str:
    """Return the innermost line of the traceback that is neither torch's nor ours."""
    foreign = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(foreign)
    ]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
