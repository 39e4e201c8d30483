"""The outcomes of a check, and the exceptions that a check raises."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

PASSED, FAILED, EXEMPT, SKIPPED = "passed", "failed", "exempt", "skipped"
"""Exempt: the check does not apply. Skipped: it applies, but could not run."""

_WORDS = {PASSED: "passed", FAILED: "FAILED", SKIPPED: "not checked", EXEMPT: "exempt"}


@dataclass(frozen=True)
class Outcome:
    """The result of one check of one component."""

    component: str
    """The full id, such as ``acme/unet``."""
    kind: str
    check: str
    outcome: str
    message: str = ""
    """Expected and seen values, or the reason why nothing was checked; empty if it passed."""
    error: Exception | None = field(default=None, compare=False, repr=False)
    """The failure, whose cause is the error that the component raised, if any."""

    @property
    def holds(self) -> bool:
        """Whether checks that depend on this one can run."""
        return self.outcome in (PASSED, EXEMPT)

    def __str__(self) -> str:
        prefix = "not checked: " if self.outcome == SKIPPED else ""
        return f"{self.kind} {self.component}: {self.check}: {prefix}{self.message}"

    def to_dict(self) -> dict[str, str]:
        """Return the outcome as JSON data."""
        return {name: value for name, value in vars(self).items() if name != "error"}


def summary(outcomes: Iterable[Outcome]) -> str:
    """Return the number of checks by outcome, such as ``14 passed, 1 FAILED, 2 exempt``."""
    counts = Counter(each.outcome for each in outcomes)
    return ", ".join(f"{counts[end]} {words}" for end, words in _WORDS.items() if counts[end])


class Failed(Exception):
    """The component breaks the contract.

    Args:
        expected: what the contract demands, completing "expected …".
        got: what was found, completing "got …".
        advice: how the author can fix it.
    """

    def __init__(self, expected: str, got: str, advice: str) -> None:
        super().__init__(expected, got, advice)
        self.expected = expected
        self.got = got
        self.advice = advice
        self.where = ""
        """The case that failed; empty if the check is about the component as a whole."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}expected {self.expected}, got {self.got}; {self.advice}"


class Exempt(Exception):
    """The check does not apply: the component declares otherwise, or lacks an optional part."""


class NotChecked(Exception):
    """The check applies but could not run: it needs data or parameters from the user."""


def failure(
    error: Exception, expected: str = "no error", advice: str = "the error is the component's own"
) -> Failed:
    """Return any error of a check as `Failed`, with the line of the component that raised it."""
    if isinstance(error, Failed):
        return error
    words = " ".join(str(error).split())[:300]
    got = f"{type(error).__name__}: {words}{_place(error)}" if words else type(error).__name__
    failed = Failed(expected, got, advice)
    failed.__cause__ = error
    return failed


@contextmanager
def expecting(expected: str, advice: str) -> Iterator[None]:
    """Turn any error in the block into `Failed`, with what was expected and advice."""
    try:
        yield
    except (Exempt, NotChecked):
        raise
    except Exception as error:
        failed = failure(error, expected, advice)
        raise failed from failed.__cause__


def _place(error: Exception) -> str:
    """Return the innermost file and line of the traceback outside torch and ganzoo."""
    foreign = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*foreign, "<"))
    ]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
