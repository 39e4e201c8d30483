"""Figures that others printed for the recipes compared: listed apart, and never ranked.

Nobody knows their protocol to the last field, and two numbers of different protocols say nothing
of each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganzoo.errors import RecipeError
from ganzoo.recipes.lock import read_lock
from ganzoo.report.candidates import Candidate

HEADING = "published, protocol unknown, never ranked"


@dataclass(frozen=True)
class PublishedFigure:
    """What a recipe says that somebody else printed for it; fields as under its `published` key."""

    recipe: str
    """The name of the recipe that says so."""
    metric: str
    value: float
    source: str
    n_real: int | None = None
    n_fake: int | None = None
    extractor: str | None = None
    split: str | None = None
    select: str | None = None
    reproduced: Any = field(default=None, hash=False)
    """True, false, or facts by name; None: the recipe does not say."""

    @property
    def facts(self) -> str:
        """All that is known of how it came about, and whether it was reached here, in words."""
        known = [
            self.extractor,
            f"{self.n_fake:,} generated" if self.n_fake else None,
            f"{self.n_real:,} real" if self.n_real else None,
            self.split,
            f"{self.select} checkpoint" if self.select else None,
            self._reproduced(),
        ]
        return ", ".join(filter(None, known))

    def _reproduced(self) -> str | None:
        if isinstance(self.reproduced, Mapping):
            facts = ", ".join(f"{name} {value}" for name, value in self.reproduced.items())
            return f"reproduced here: {facts}"
        return {True: "reproduced here", False: "not reproduced here"}.get(self.reproduced)

    def __str__(self) -> str:
        facts = f" ({self.facts})" if self.facts else ""
        return f"{self.recipe}: {self.metric} {self.value:g}{facts}, {self.source}"


def published_figures(candidates: Iterable[Candidate]) -> tuple[PublishedFigure, ...]:
    """Return what the recipes of these runs say was published, each once, by name."""
    found = dict.fromkeys(filter(None, map(_figure, candidates)))
    return tuple(sorted(found, key=lambda figure: (figure.recipe, figure.metric)))


def _figure(each: Candidate) -> PublishedFigure | None:
    """Return a recipe's figure; YAML is read only of a lock that has the key, of thousands few."""
    try:
        if "\npublished:" not in each.run.lock_file.read_text(encoding="utf-8"):
            return None
        lock = read_lock(each.run.lock_file)
        return PublishedFigure(each.name, reproduced=lock.get("reproduced"), **lock["published"])
    except (OSError, UnicodeDecodeError, RecipeError, TypeError):
        return None  # run.json speaks for a lock that is not there or not legible
