"""One source of a recipe, a file or the overrides, and where everything in it was written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ganzoo.recipes.component_paths import KeyPath, long_form, paths
from ganzoo.recipes.strict_yaml import Marks

COMMAND_LINE = "command line"
OVERRIDES = "overrides"
"""What messages call the overrides that a Python program gives as a mapping."""
NOWHERE = (0, 0)
"""Line and column of what no file holds."""

Place = TypeVar("Place")


@dataclass(frozen=True)
class Origin:
    """Where a value was written. Line and column count from 1; both are 0 for an override."""

    file: str
    line: int
    column: int
    directory: Path = field(compare=False)
    """What a relative path that was written there is relative to."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Layer:
    """One source's part of a recipe, or several sources merged.

    `data` has every component in its long form; `origins` has every path of `data`, the root `()`
    included; `notes` says what merging dropped.
    """

    data: dict[str, Any]
    origins: dict[KeyPath, Origin]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: dict[str, Any], marks: Marks, file: str, directory: Path) -> "Layer":
        """Return the layer of one source."""
        data = long_form(data)
        places = {path: nearest(marks, path) for path in paths(data)}
        return cls(data, {path: Origin(file, *each, directory) for path, each in places.items()})

    def without(self, *keys: str) -> "Layer":
        """Return the layer less some of its outermost keys."""
        data = {key: value for key, value in self.data.items() if key not in keys}
        origins = {path: each for path, each in self.origins.items() if not {*path[:1]} & {*keys}}
        return Layer(data, origins, self.notes)


def nearest(places: dict[KeyPath, Place], path: KeyPath) -> Place:
    """Return the place of `path`, or of the innermost thing around it that has one."""
    while path and path not in places:
        path = path[:-1]
    return places[path]
