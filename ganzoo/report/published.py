"""Published figures for the compared recipes: listed separately and never ranked.

Their exact protocol is unknown, and scores under different protocols cannot be compared.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.errors import RecipeError
from ganzoo.recipes.yaml import load_document
from ganzoo.report.entries import Entry
from ganzoo.untrusted import read_regular

HEADING = "published, protocol unknown, never ranked"

KEYS = re.compile(r"^(?:published|reproduced):.*\n(?:[ -].*\n)*", re.MULTILINE)
"""Matches the keys ``published`` and ``reproduced`` with their values in the text of a lock."""

NONE = "published: null\n"


@dataclass(frozen=True)
class PublishedFigure:
    """A figure under a recipe's ``published`` key, with the fields of that key."""

    recipe: str
    """Name of the recipe."""
    metric: str
    value: float
    source: str
    n_real: int | None = None
    n_fake: int | None = None
    extractor: str | None = None
    split: str | None = None
    select: str | None = None
    trials: int | None = None
    standard_error: float | None = None
    deviations: tuple[str, ...] = ()
    reproduced: Any = field(default=None, hash=False)
    """True, false, or fact → value; None: not given in the recipe."""

    @property
    def facts(self) -> str:
        """Known parts of the protocol, and whether the figure was reproduced, in words."""
        return ", ".join(filter(None, (self.protocol, self._reproduced())))

    @property
    def protocol(self) -> str:
        """Known parts of the protocol, in words."""
        known = [
            self.extractor,
            f"{self.n_fake:,} generated" if self.n_fake else None,
            f"{self.n_real:,} real" if self.n_real else None,
            self.split,
            f"{self.select} checkpoint" if self.select else None,
            f"mean of {self.trials} runs" if self.trials and self.trials > 1 else None,
        ]
        return ", ".join(filter(None, known))

    def _reproduced(self) -> str | None:
        if isinstance(self.reproduced, Mapping):
            facts = ", ".join(f"{name} {value}" for name, value in self.reproduced.items())
            return f"reproduced here: {facts}"
        return {True: "reproduced here", False: "not reproduced here"}.get(self.reproduced)

    @classmethod
    def of(cls, recipe: str, published: Mapping[str, Any], reproduced: Any) -> "PublishedFigure":
        """Return the figure of a recipe's keys ``published`` and ``reproduced``.

        Raises:
            TypeError: a field is missing, unknown, or no list.
        """
        deviations = tuple(published.get("deviations", ()))
        return cls(recipe, **{**published, "deviations": deviations, "reproduced": reproduced})

    @property
    def error(self) -> str:
        """The standard error after the value, `` ± 0.1``, or nothing."""
        return "" if self.standard_error is None else f" ± {self.standard_error:g}"

    def __str__(self) -> str:
        facts = f" ({self.facts})" if self.facts else ""
        return f"{self.recipe}: {self.metric} {self.value:g}{self.error}{facts}, {self.source}"


def published_figures(candidates: Iterable[Entry]) -> tuple[PublishedFigure, ...]:
    """Return the distinct published figures in the recipes of these runs, by recipe and metric.

    Open one lock per experiment and parse only two of its keys: there may be thousands.
    """
    examples = {(each.name, each.experiment): each for each in candidates}
    said = {(each.name, _keys(each.run.lock_file)) for each in examples.values()}
    found = dict.fromkeys(filter(None, (_figure(*each) for each in sorted(said))))
    return tuple(sorted(found, key=lambda figure: (figure.recipe, figure.metric)))


def _keys(lock_file: Path) -> str:
    """Return the text of the two keys; empty without a figure or a readable lock."""
    try:
        text = read_regular(lock_file).decode()
    except (OSError, UnicodeDecodeError):
        return ""  # samples have no lock; a run's may be gone while run.json still describes it
    return "" if NONE in text else "".join(KEYS.findall(text))


def _figure(recipe: str, keys: str) -> PublishedFigure | None:
    try:
        lock = load_document(keys, recipe).data if keys else {}
        if not isinstance(lock.get("published"), dict):
            return None
        return PublishedFigure.of(recipe, lock["published"], lock.get("reproduced"))
    except (RecipeError, TypeError):
        return None  # the lock was edited; `ganzoo run LOCK` names the problem
