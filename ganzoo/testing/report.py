"""How a check of a component ended, and what is said of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

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
