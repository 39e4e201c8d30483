"""Figures that others printed for the recipes compared: listed apart, and never ranked.

Nobody knows their protocol to the last field, and two numbers of different protocols say nothing
of each other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.errors import RecipeError
from ganzoo.recipes.yaml import load_document
from ganzoo.report.candidates import Candidate

HEADING = "published, protocol unknown, never ranked"

KEYS = re.compile(r"^(?:published|reproduced):.*\n(?:[ -].*\n)*", re.MULTILINE)
"""In the text of a lock: the two keys that speak of a figure, with all that belongs to them."""

NONE = "published: null\n"


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
    """Return what the recipes of these runs say was published, each once, by name.

    One lock of each experiment is opened, and only two keys of it are parsed: there may be
    thousands.
    """
    examples = {(each.name, each.experiment): each for each in candidates}
    said = {(each.name, _keys(each.run.lock_file)) for each in examples.values()}
    found = dict.fromkeys(filter(None, (_figure(*each) for each in sorted(said))))
    return tuple(sorted(found, key=lambda figure: (figure.recipe, figure.metric)))


def _keys(lock_file: Path) -> str:
    """Return the text of the two keys; empty where there is no figure, or no legible lock."""
    try:
        text = lock_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # of samples that no run made, or run.json speaks for a lock that is gone
    return "" if NONE in text else "".join(KEYS.findall(text))


def _figure(recipe: str, keys: str) -> PublishedFigure | None:
    try:
        lock = load_document(keys, recipe).data if keys else {}
        if not isinstance(lock.get("published"), dict):
            return None
        return PublishedFigure(recipe, reproduced=lock.get("reproduced"), **lock["published"])
    except (RecipeError, TypeError):
        return None  # somebody's hand was in the lock; `ganzoo run LOCK` says what is wrong there
