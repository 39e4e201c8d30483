"""Runs as the engine leaves them on disk, without an engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.recipes.lock import write_lock
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Protocol, Sampling, Score

PROTOCOL = Protocol(
    extractor="zoo/toy-cnn",
    extractor_revision=1,
    weights_sha256="a" * 64,
    layer="features",
    input_rule="uint8, bicubic",
    extractor_dtype="float32",
    n_fake=599,
    reference="zoo/digits",
    reference_sha256="b" * 64,
    split="train",
    n_real=1198,
)
MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def protocol() -> Protocol:
    return PROTOCOL


@pytest.fixture
def score() -> Callable[..., Score]:
    """Return a score of step 100; metrics and fields of the sampling go by name."""

    def make(
        value: float, selected: str = "final", protocol: Protocol = PROTOCOL, **about: Any
    ) -> Score:
        metrics = about.pop("metrics", {})
        fields = {"weights": "ema", "step": 100, "samples_seen": 6400, "seed": 0} | about
        sampling = Sampling(selected=selected, **fields)
        return Score.now(value=value, protocol=protocol, sampling=sampling, metrics=metrics)

    return make


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a run in ``runs`` under the test's directory; finished unless told otherwise.

    It has logged up to step `steps` and saved at `saved`; where it failed, with `exit_code`.
    """

    def make(
        name: str,
        *scores: Score,
        seed: int = 0,
        events: tuple[str, ...] = ("started", "finished"),
        lr: float = 2e-4,
        steps: int = 100,
        saved: int | None = None,
        exit_code: int = 3,
        extractor: object = "toy-cnn",
    ) -> RunDirectory:
        run = RunDirectory.create(tmp_path / "runs", name, seed)
        lock = {
            "recipe": 1,
            "name": name,
            "seed": seed,
            "dataset": {"use": "zoo/digits"},
            "optimizers": {"generator": {"use": "zoo/adam", "lr": lr}},
            "eval": {"extractor": extractor},
            "lock": {"torch": "2.13.0"},
        }
        write_lock(run.lock_file, lock)
        run.begin_attempt()
        for event in events:
            run.append_event(event, step=steps, error="the loss is not finite", exit_code=exit_code)
        (run.checkpoints_directory / f"step-{saved or steps:08d}").mkdir(parents=True)
        run.append_metrics({"step": steps, "loss": 0.5})
        for each in scores:
            run.append_score(each)
        return run

    return make


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where ``runs`` is the directory that `make_run` makes runs in."""
    monkeypatch.chdir(tmp_path)
    return Path("runs")
