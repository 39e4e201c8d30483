"""Write the shipped records of finished runs: only what `ganzoo compare` reads.

A record is a run directory without weights: identity, recipe, lock and scores unchanged; events
without saves; metrics thinned and rounded to four digits; for seed 0, half of the last samples.
It names no path, machine or person.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ganzoo.modalities.image import SMALLEST_CELL
from ganzoo.recipes.lock import identity, read_lock
from ganzoo.report.entries import Entry, read_entry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.records import read, sealed, to_json
from ganzoo.runs.samples import REAL, last_preview, previews

RECORDS = Path(__file__).parents[1] / "recipes" / "records"
IDENTITY = ("format", "name", "seed", "created", "recipe", "lock", "samples", "ganzoo", "attempts")
IDENTITY += ("steps", "device", "world_size", "step_flops")
AS_THEY_ARE = ("recipe.yaml", "recipe.lock.yaml", "scores.jsonl")
ROWS = 40
"""Number of rows of metrics.jsonl to keep, evenly spaced, including the last."""
DIGITS = 4
"""Significant digits of logged terms and of health records."""


def collect(runs_directory: Path, records: Path) -> None:
    """Write the records of every finished run and yardstick.

    They replace all earlier records of their data sets; those of other data sets stay.
    """
    chosen = [found for run in RunDirectory.all(runs_directory) if (found := _whole(run))]
    kept = {(each.name, each.seed): each for each in chosen}
    if not kept:
        raise SystemExit(f"there is no finished run in {runs_directory}")
    datasets = {_dataset(each) for each in kept.values()}
    for old in RunDirectory.all(records):
        entry = read_entry(old)
        if not isinstance(entry, Entry) or _dataset(entry) in datasets:
            shutil.rmtree(old.path)
    with_real: set[str] = set()
    for each in sorted(kept.values(), key=lambda each: (each.seed, each.name)):
        dataset = _dataset(each)
        write_record(each, records / each.run.name, with_real=dataset not in with_real)
        with_real |= {dataset} if each.seed == 0 and each.kind == "run" else set()
    size = sum(path.stat().st_size for path in records.rglob("*") if path.is_file())
    print(f"{len(kept)} records in {records}, {size / 2**20:.2f} MiB; made on:")
    for line in sorted({_made_on(each) for each in kept.values()}):
        print(f"  {line}")


def _whole(run: RunDirectory) -> Entry | None:
    """Return a finished run with a final score, or a score of samples; print what is left out."""
    found = read_entry(run)
    if isinstance(found, Entry):
        return found
    print(f"left out: {found.run}: {found.reason}")
    return None


def _dataset(each: Entry) -> str:
    return each.scores[-1].protocol.reference


def _made_on(each: Entry) -> str:
    env = each.scores[-1].env
    return f"{each.scores[-1].time[:10]}, torch {env.get('torch')}, {env.get('device')}"


def write_record(found: Entry, to: Path, *, with_real: bool) -> None:
    """Write the record of one run.

    Args:
        with_real: whether the picture of real samples goes with it; one a data set is enough.
    """
    run = found.run
    to.mkdir(parents=True)
    info = {key: value for key, value in run.info().items() if key in IDENTITY}
    if run.lock_file.exists():  # its identity as the code that is here computes it
        info["lock"] = identity(read_lock(run.lock_file), run.lock_file)
    (to / "run.json").write_bytes(to_json(info, indent=1) + b"\n")
    for name in AS_THEY_ARE:
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, to / name)
    events = [sealed(event) for event in run.events() if event.get("event") != "saved"]
    _write_lines(to / "events.jsonl", events)
    _write_lines(to / "metrics.jsonl", map(_rounded, _thinned(run.metrics())))
    _write_lines(to / "health.jsonl", map(_rounded, read(run.health_file).whole))
    if found.seed == 0:
        _write_pictures(run, to / "samples", with_real and found.kind == "run")


def _thinned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(rows) <= ROWS:
        return rows
    last = len(rows) - 1
    return [rows[round(index * last / (ROWS - 1))] for index in range(ROWS)]


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for key, value in row.items()
    }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    if lines:
        path.write_text("".join(lines), encoding="utf-8")


def _write_pictures(run: RunDirectory, to: Path, with_real: bool) -> None:
    to.mkdir()
    for path in [*last_preview(run), *(previews(run).get(REAL, ()) if with_real else ())]:
        with Image.open(path) as image:
            upper = (0, 0, image.width, image.height // 2 + _enlarged(image))
            image.crop(upper).save(to / path.name, optimize=True)


def _enlarged(image: Image.Image) -> int:
    """Return by what whole factor a grid of 8 x 8 images, 2 pixels apart, was enlarged."""
    for factor in range(1, SMALLEST_CELL + 1):
        side, rest = divmod(image.height // factor - 18, 8)
        if rest == 0 and side > 0 and factor == -(-SMALLEST_CELL // side):
            return factor
    return 1
