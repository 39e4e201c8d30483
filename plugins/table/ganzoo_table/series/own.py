"""The recipe for series of somebody's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from ganzoo.api import DataError, OwnData, OwnRecipe
from ganzoo_table.kinds import unreadable
from ganzoo_table.reading import Source, read_source
from ganzoo_table.series.times import GAP, channel_of, clock_of, groups_of, times_of
from ganzoo_table.series.windows import Windows

LENGTH, SHARE, PART, LEAST = 24, 20, 12, 4
"""Steps of a window: a twentieth of the rows and at most a twelfth of the longest series, from 4 to
24, so that a tenth holds some."""
FILL = "linear"
GAPS = (GAP, 4.5)
"""Gaps to try: the second one lets windows of days cross weekends."""
STEPS, BATCH = 3000, 64
USUAL = ("time", "timestamp", "datetime", "date", "t", "step")
"""Names of columns of times that are numbers, in lower case."""


def series_recipe(own: OwnData, factory: Callable[..., Windows]) -> OwnRecipe:
    """Return the recipe for a file of series.

    Args:
        factory: the data set's class.
    """
    source = read_source(own.data)
    time = find_time(source)
    group = find_group(source, time) if time else None
    steps = int(np.bincount(groups_of(source, group)).max())
    length = min(LENGTH, max(min(source.rows // SHARE, steps // PART), LEAST))
    settings = {"path": own.data, "time": time, "group": group, "length": length, "fill": FILL}
    gap, data = _first_that_works(lambda gap: factory("train", gap=gap, **settings))
    about = [f"{len(data):,} windows of {length} steps to train on; the last tenth is held out."]
    about += [f"Left out: {line}." for line in data.skipped]
    if time is None:
        about.append("No column of times was found: rows are taken in their order.")
    parts = [_dataset(own, data, time, group, gap), _networks(), _training(data.spec.shape[0])]
    return OwnRecipe(about, "\n\n".join("\n".join(part) for part in parts), "new.csv")


def _first_that_works(make: Callable[[float], Windows]) -> tuple[float, Any]:
    """Return the first of `GAPS` that leaves windows, and the data with it."""
    for gap in GAPS[:-1]:
        with suppress(DataError):
            return gap, make(gap)
    return GAPS[-1], make(GAPS[-1])


def find_time(source: Source) -> str | None:
    """Return the first column of datetimes, or of numbers with the name of a time."""
    skipped = unreadable(source)
    for name in [name for name in source.columns if name not in skipped]:
        column = channel_of(source, name).column
        if column.kind == "datetime" or name.lower() in USUAL:
            return name
        if column.kind == "category" and _are_times(source, name):
            return name
    return None


def _are_times(source: Source, name: str) -> bool:
    try:
        times_of(source, name)
    except DataError:
        return False
    return True


def find_group(source: Source, time: str) -> str | None:
    """Return the first column within whose groups times increase; None if they do anyway."""
    for name in (None, *source.columns):
        try:
            if name != time:
                clock_of(source, time, groups_of(source, name))
                if name is None or _few(source, name):
                    return name
        except DataError:
            continue
    return None


def _few(source: Source, name: str) -> bool:
    """Return whether groups are long enough to have windows."""
    return len(np.unique(groups_of(source, name))) * LENGTH <= source.rows


def _dataset(
    own: OwnData, data: Any, time: str | None, group: str | None, gap: float
) -> Iterator[str]:
    yaml = own.yaml
    yield "dataset:"
    yield "  use: table/windows"
    yield f"  path: {yaml(own.path)}  # seen from this file"
    if time:
        yield f"  time: {yaml(time)}"
    if group:
        yield f"  group: {yaml(group)}  # the series that a row belongs to"
    if gap != GAP:
        yield f"  gap: {gap}  # longer steps, in medians, are gaps; weekends of days are not"
    yield "  # The channels. Leave out those that are no measurements, such as numbers of rows."
    yield "  columns:"
    for column in data.spec.columns:
        low, high = column.range
        yield f"    - {yaml(column.name)}  # {low:g} to {high:g}"
    yield f"  length: {data.spec.shape[1]}  # steps of a window"
    yield "  stride: 1  # steps from one window to the next"
    if any("filled in" in line for line in data.skipped):
        yield f"  fill: {FILL}  # missing values: previous, linear, or refuse"
    yield "  holdout: 0.1  # share at the end that is never trained on, for scores"


def _networks() -> Iterator[str]:
    yield "# Temporal convolutional networks (arXiv:1907.06673). For windows that begin at a known"
    yield "# time, such as midnight: generator: {use: table/tcn, positions: true}."
    yield "generator: {use: table/tcn, width: 32, shared: 4}"
    yield "discriminator: {use: table/tcn, width: 32}"
    yield "loss: wgan-gp"
    yield "optimizers:"
    yield "  both: {use: adam, lr: 1e-3, betas: [0.0, 0.9]}"


def _training(channels: int) -> Iterator[str]:
    yield "train:"
    yield f"  steps: {STEPS}"
    yield "  discriminator_steps: 4"
    yield f"  batch_size: {BATCH}"
    yield "  ema: {half_life_samples: 20000, ramp_up: 0.05}"
    yield "eval:"
    yield "  metrics:"
    yield "    - table/autocorrelation    # how steps depend on earlier ones"
    if channels > 1:
        yield "    - table/cross-correlation  # how channels depend on each other"
    yield "    - table/spectrum           # power at each frequency"
    yield "    - table/marginals          # values, whatever their order"
    yield "    - table/feature-c2st       # can a classifier tell windows apart?"
