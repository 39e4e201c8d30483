"""The page of one run."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.report.entries import Unranked, read_entry
from ganzoo.report.pages.history import evaluations, health_charts, score_charts, term_charts
from ganzoo.report.pages.page import explanation, pictures, protocol_rows, render
from ganzoo.report.table import three_digits, with_spread
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import PICTURE, kind_of
from ganzoo.runs.score import Score

SHOWN_GRIDS = 12
KNOWN = ("event", "time", "attempt")
COLUMNS = ("step", "images seen", "score", "selected", "protocol")
NUMERIC = {"step", "images seen", "score"}


def run_page(run: RunDirectory) -> str:
    """Return a run as one page: facts, samples, scores, curves, events, recipe, protocol.

    Raises:
        DataError: its records cannot be read.
    """
    info, events, scores = run.info(), run.events(), run.scores()
    kind = kind_of(info)
    protocol = _main_protocol(scores)
    charts: tuple[Any, ...] = ()
    if protocol:
        found = evaluations(run, scores, protocol.id)
        charts = score_charts({run.name: [found]}, protocol.distance_name) or ()
    metrics = sorted({name for score in scores for name in score.metrics})
    return render(
        "run.html",
        title=run.name,
        description=protocol.words() if protocol else "not scored",
        facts=_facts(run, info) if kind == "run" else _facts_of_samples(info),
        real=next(iter(pictures([(run.samples_directory / "real.png", "real samples")])), None),
        grids=pictures(_samples(run)),
        made_by_run=kind == "run",
        charts=charts,
        columns=[*COLUMNS, *metrics],
        numeric=NUMERIC | set(metrics),
        rows=[_row(score, metrics) for score in scores],
        unscored=_unscored(run) if not scores else None,
        curves=[*term_charts(run.metrics()), *health_charts(run.health())],
        events=[_event(event) for event in events if event.get("event") != "saved"],
        recipe=_text(run.recipe_file) if kind == "run" else None,
        lock=_text(run.lock_file) if kind == "run" else None,
        explanation=explanation(protocol) if protocol else "",
        protocol=protocol_rows(protocol) if protocol else (),
    )


def _main_protocol(scores: Iterable[Score]) -> Any:
    """Return the protocol that the run was scored by on its way; else its last score's."""
    last = None
    for score in scores:
        last = score.protocol
        if score.sampling and score.sampling.selected == "during":
            return score.protocol
    return last


def _unscored(run: RunDirectory) -> Unranked:
    """Return why a run without any score has none, and the command that would change it."""
    found = read_entry(run)
    return found if isinstance(found, Unranked) else Unranked(run.name, "nothing scored it")


def _facts(run: RunDirectory, info: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = run.metrics()
    done = rows[-1]["step"] if rows else 0
    return [
        ("status", run.status()),
        ("recipe", str(info.get("recipe", ""))),
        ("seed", str(info.get("seed", ""))),
        ("steps", f"{done:,} of {info['steps']:,}" if "steps" in info else f"{done:,}"),
        ("begun", f"{info['created'][:16].replace('T', ' ')} (UTC)"),
        ("attempts", str(info.get("attempts", ""))),
        ("device", f"{info.get('device', '')}, {info.get('world_size', 1)} process(es)"),
        ("ganzoo", str(info.get("ganzoo", ""))),
        ("experiment", str(info.get("lock", {}).get("experiment", ""))),
    ]


def _facts_of_samples(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of samples that no run made."""
    about = info["samples"]
    kinds = {"yardstick": "yardstick: no trained model made them", "samples": "of another tool"}
    facts = [
        ("samples", kinds[about["kind"]]),
        ("name", str(info.get("name", ""))),
        ("made by", str(about.get("description", ""))),
        ("seed", str(info.get("seed", ""))),
        ("scored", f"{info['created'][:16].replace('T', ' ')} (UTC)"),
    ]
    return [(name, value) for name, value in facts if value]


def _samples(run: RunDirectory) -> list[tuple[Path, str]]:
    """Return at most so many of the pictures drawn on the way, evenly, the last one among them.

    Of samples that no run made there is one picture.
    """
    paths = sorted(run.samples_directory.glob("step-*.png"))
    if not paths and (picture := run.samples_directory / PICTURE).exists():
        return [(picture, "the first ones")]
    if len(paths) > SHOWN_GRIDS:
        stride = (len(paths) - 1) / (SHOWN_GRIDS - 1)
        paths = [paths[round(index * stride)] for index in range(SHOWN_GRIDS)]
    return [(path, f"step {int(re.sub(r'[^0-9]', '', path.stem)):,}") for path in paths]


def _row(score: Score, metrics: list[str]) -> dict[str, Any]:
    about = score.sampling
    step, images = (about.step, about.samples_seen) if about else (None, None)
    error = score.statistics.standard_error if score.statistics else None
    cells = [
        f"{step:,}" if step is not None else "-",
        f"{images:,}" if images is not None else "-",
        with_spread(score.value, error),
        about.selected if about else "-",
        score.protocol.words(),
        *(three_digits(score.metrics.get(name)) for name in metrics),
    ]
    values = [step, images, score.value, None, None, *(score.metrics.get(m) for m in metrics)]
    return {"cells": cells, "sorts": values}


def _event(event: Mapping[str, Any]) -> dict[str, str]:
    about = ", ".join(f"{name}: {value}" for name, value in event.items() if name not in KNOWN)
    return {
        "time": str(event.get("time", ""))[:19].replace("T", " "),
        "kind": str(event.get("event", "")),
        "about": about,
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return f"{path.name} cannot be read"
