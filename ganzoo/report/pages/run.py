"""The page of one run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.report.entries import Unranked, read_entry
from ganzoo.report.pages.history import evaluations, health_charts, score_charts, term_charts
from ganzoo.report.pages.page import Preview, explanation, preview, protocol_rows, render
from ganzoo.report.table import three_digits, with_spread
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import kind_of
from ganzoo.runs.records import device_line
from ganzoo.runs.samples import CONDITION, EXTERNAL, REAL, previews
from ganzoo.runs.score import Score
from ganzoo.untrusted import read_regular

SHOWN_PREVIEWS = 12
KNOWN = ("event", "time", "attempt")
COLUMNS = ("step", "samples seen", "score", "selected", "protocol")
NUMERIC = {"step", "samples seen", "score"}


def run_page(run: RunDirectory) -> str:
    """Return a run as one page: facts, samples, scores, curves, events, recipe, protocol.

    Raises:
        DataError: its records cannot be read.
    """
    info, events, scores = run.info(), run.events(), run.scores()
    kind, shown = kind_of(info), previews(run)
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
        real=preview("real samples", shown.get(REAL, ())),
        conditions=preview("conditions of the real samples", shown.get(CONDITION, ())),
        grids=_samples(run),
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
    """Return the protocol of the scores during training, or that of the last score."""
    last = None
    for score in scores:
        last = score.protocol
        if score.selected == "during":
            return score.protocol
    return last


def _unscored(run: RunDirectory) -> Unranked:
    """Return why a run has no score, and the command that would add one."""
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
        ("started", f"{info['created'][:16].replace('T', ' ')} (UTC)"),
        ("attempts", str(info.get("attempts", ""))),
        ("device", device_line(info)),
        ("ganzoo", str(info.get("ganzoo", ""))),
        ("experiment", str(info.get("lock", {}).get("experiment", ""))),
        *(("left out of the data", str(line)) for line in info.get("left_out", ())),
    ]


def _facts_of_samples(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts about external samples."""
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


def _samples(run: RunDirectory) -> list[Preview]:
    """Return up to `SHOWN_PREVIEWS` previews of generated samples, evenly spaced, with the last.

    Samples that no run made have one preview.
    """
    files = previews(run)
    stems = [stem for stem in files if stem.startswith("step-")]
    if len(stems) > SHOWN_PREVIEWS:
        stride = (len(stems) - 1) / (SHOWN_PREVIEWS - 1)
        stems = [stems[round(index * stride)] for index in range(SHOWN_PREVIEWS)]
    found = [preview(f"step {int(stem.partition('-')[2]):,}", files[stem]) for stem in stems]
    found = found or [preview("the first ones", files.get(EXTERNAL, ()))]
    return [each for each in found if each is not None]


def _row(score: Score, metrics: list[str]) -> dict[str, Any]:
    about = score.sampling
    step, seen = (about.step, about.samples_seen) if about else (None, None)
    cells = [
        f"{step:,}" if step is not None else "-",
        f"{seen:,}" if seen is not None else "-",
        with_spread(score.value, score.standard_error),
        ", ".join(filter(None, [about.selected, about.words])) if about else "-",
        score.protocol.words(),
        *(three_digits(score.metrics.get(name)) for name in metrics),
    ]
    values = [step, seen, score.value, None, None, *(score.metrics.get(m) for m in metrics)]
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
        return read_regular(path).decode()
    except (OSError, UnicodeDecodeError):
        return f"{path.name} cannot be read"
