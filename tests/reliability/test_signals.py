"""A signal in any phase: one valid checkpoint, the right exit code, and the way on."""

import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.cli import main
from ganzoo.engine import state
from ganzoo.engine.gallery import Gallery
from ganzoo.engine.signals import StopFlag
from ganzoo.engine.step import GanStep
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory

from .tiny import STEPS, TINY, differing, last_checkpoint, only_run

TERM, INT, USR1 = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1
EXIT = {TERM: 143, INT: 130, USR1: 75}

PHASES: dict[str, tuple[Any, str, int, int]] = {
    "training": (GanStep, "update", 3, 2),
    "drawing": (Gallery, "draw", 1, 3),
    "scoring": (StopFlag, "look", 2, 3),
    "saving": (state, "write_network", 2, 2),
    "scoring the final": (StopFlag, "look", 8, STEPS),
    "scoring the best": (StopFlag, "look", 11, STEPS),
}
"""Phase → where the signal comes: (owner, function, at which call of it), and the step saved.

600 samples are three batches; the run is scored after steps 3 and 6, and at the end twice.
"""
BEFORE = {number: signal.getsignal(number) for number in (TERM, INT)}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    runs = tmp_path_factory.mktemp("straight")
    assert main(["run", *TINY, "--runs-dir", str(runs)]) == 0
    return only_run(runs)


def at_call(number: int, function: Callable[..., Any], act: Callable[[], None]) -> Any:
    """Return `function`, which at its n-th call acts in the middle of its work."""
    calls = iter(range(1, 10**6))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            act()
        return function(*args, **kwargs)

    return wrapped


def stopped_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch, phase: str, number: signal.Signals
) -> int:
    """Run into a signal; return the exit code."""
    owner, name, call, _ = PHASES[phase]
    with monkeypatch.context() as patched:
        wrapped = at_call(call, getattr(owner, name), lambda: os.kill(os.getpid(), number))
        patched.setattr(owner, name, wrapped)
        return main(["run", *TINY, "--runs-dir", str(runs)])


def scores_of(run: Path) -> list[tuple[str, int, float]]:
    """Return what compare sees: a score that was made twice counts once."""
    scores = RunDirectory(run).scores()
    return sorted({(s.sampling.selected, s.sampling.step, s.value) for s in scores if s.sampling})


@pytest.mark.parametrize(
    ("phase", "number"),
    [*((phase, TERM) for phase in PHASES), ("training", INT), ("scoring", USR1)],
)
def test_a_signal_saves_says_how_to_go_on_and_costs_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    straight: Path,
    phase: str,
    number: signal.Signals,
) -> None:
    runs = tmp_path / "ü 空 'x"
    assert stopped_run(runs, monkeypatch, phase, number) == EXIT[number]
    run, saved_at = only_run(runs), PHASES[phase][3]
    said = capfd.readouterr().err.splitlines()
    assert said[-2] == f"stopped by {number.name} at step {saved_at}, state saved"
    store = CheckpointStore(run / "checkpoints")
    assert store.steps()[-1] == saved_at
    assert store.ends_whole()
    assert not list(store.directory.glob(".tmp-*"))
    assert RunDirectory(run).status() == "interrupted"

    words = shlex.split(said[-1].removeprefix("try: "))
    assert words == ["ganzoo", "resume", str(run)]
    assert main(words[1:]) == 0
    assert RunDirectory(run).status() == "finished"
    assert differing(last_checkpoint(run), last_checkpoint(straight)) == []
    assert scores_of(run) == scores_of(straight)


def test_a_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    flag = StopFlag()
    flag.receive(TERM)
    assert ended == []
    flag.receive(TERM)
    assert ended == [143]


def test_the_time_limit_ends_a_run_as_sigusr1_does(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *TINY, "--max-time", "1s", "train.steps=10000000",
                 "train.log_every_steps=1000", "eval.every_steps=10000000",
                 "train.sample_every_steps=10000000",
                 "--runs-dir", str(tmp_path)]) == 75  # fmt: skip
    assert "stopped by time limit at step" in capfd.readouterr().err
    assert CheckpointStore(only_run(tmp_path) / "checkpoints").ends_whole()


def test_handlers_are_put_back_after_a_run(straight: Path) -> None:
    assert {number: signal.getsignal(number) for number in (TERM, INT)} == BEFORE
