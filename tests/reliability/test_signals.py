"""A signal in any phase: one valid checkpoint, the right exit code, the command to resume."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ganzoo.cli import main
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.scoring import features
from ganzoo.training import checkpointing, launch, run_files, scorer
from ganzoo.training.callbacks import Gallery
from ganzoo.training.ending import StopAsked, StopFlag
from ganzoo.training.step import GanStep

from .tiny import STEPS, TINY, differing, last_checkpoint, only_run

TERM, INT, USR1, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP
EXIT = {TERM: 143, INT: 130, USR1: 75, HUP: 129}

PHASES: dict[str, tuple[Any, str, int, int]] = {
    "training": (GanStep, "update", 3, 2),
    "drawing": (Gallery, "draw", 1, 3),
    "reading the reference": (scorer, "check_readable", 1, 3),
    "passing over the reference": (features, "features_of_batch", 14, 3),
    "scoring": (features, "features_of_batch", 47, 3),
    "saving": (checkpointing, "write_network", 2, 2),
    "scoring the final": (features, "features_of_batch", 55, STEPS),
    "scoring the best": (features, "features_of_batch", 59, STEPS),
}
"""Phase → where the signal comes: (owner, function, at which call of it), and the step saved.

10,000 real samples are forty batches after the first one, which tells the width, and 600 generated
ones three; the run is scored after steps 3 and 6, and at the end twice. Before it, the check calls
the extractor four times.
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


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """Below nohup, tests inherit that SIGHUP is ignored, and so would the runs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def stopped_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch, phase: str, number: signal.Signals
) -> int:
    """Run into a signal; return the exit code."""
    owner, name, call, _ = PHASES[phase]
    words = ["run", *TINY, "--runs-dir", str(runs)]
    return signalled(words, monkeypatch, owner, name, call, number)


def signalled(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    call: int,
    number: signal.Signals,
) -> int:
    """Run a command that gets a signal in the n-th call of a function; return the exit code."""
    with monkeypatch.context() as patched:
        wrapped = at_call(call, getattr(owner, name), lambda: os.kill(os.getpid(), number))
        patched.setattr(owner, name, wrapped)
        return main(words)


def scores_of(run: Path) -> list[tuple[str, int, float]]:
    """Return what compare sees: a score that was made twice counts once."""
    scores = RunDirectory(run).scores()
    return sorted({(s.sampling.selected, s.sampling.step, s.value) for s in scores if s.sampling})


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        *((phase, TERM) for phase in PHASES),
        ("training", INT),
        ("training", HUP),
        ("scoring", USR1),
        ("reading the reference", USR1),
    ],
)
def test_a_signal_saves_a_checkpoint_prints_the_resume_command_and_loses_nothing(
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


def test_a_hangup_that_nohup_ignores_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(HUP, signal.SIG_IGN)
    try:
        assert stopped_run(tmp_path, monkeypatch, "training", HUP) == 0
        assert signal.getsignal(HUP) is signal.SIG_IGN
    finally:
        signal.signal(HUP, before)


@pytest.mark.parametrize(
    ("module", "function"), [(run_files, "write_atomic"), (launch, "make_step")]
)
def test_a_signal_before_the_first_step_leaves_a_run_that_can_be_resumed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    straight: Path,
    module: ModuleType,
    function: str,
) -> None:
    runs = tmp_path / "runs"
    words = ["run", *TINY, "--runs-dir", str(runs)]
    assert signalled(words, monkeypatch, module, function, 1, USR1) == 75
    run = only_run(runs)
    said = capfd.readouterr().err.splitlines()
    assert said[-2:] == ["stopped by SIGUSR1 before the first step", f"try: ganzoo resume {run}"]
    assert RunDirectory(run).status() == "interrupted"

    assert main([*words, "train.steps=4", "--resume", "auto"]) == 0
    assert only_run(runs) == run
    words = ["resume", str(run), f"train.steps={STEPS}"]
    assert signalled(words, monkeypatch, launch, "make_step", 1, TERM) == 143
    assert "stopped by SIGTERM at step 4, state saved" in capfd.readouterr().err
    assert main(words) == 0
    assert differing(last_checkpoint(run), last_checkpoint(straight)) == []


IMPORTING = """
import os, signal, sys
from ganzoo.cli import main

class Alarm:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), int(sys.argv[2]))

sys.meta_path.insert(0, Alarm())
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("module", "number"),
    [("click", USR1), ("torch", USR1), ("ganzoo_zoo", TERM), ("ganzoo_zoo", INT)],
)
def test_a_signal_during_preparation_ends_the_command_and_repeats_it_as_a_hint(
    tmp_path: Path, module: str, number: signal.Signals
) -> None:
    words = ["run", *TINY, "--runs-dir", str(tmp_path / "ü 空 'x"), "--resume", "auto"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, module, str(int(number)), *words],
        capture_output=True, text=True, encoding="utf-8", timeout=240,
    )  # fmt: skip
    assert done.returncode == EXIT[number], done.stderr
    message, hint = done.stderr.splitlines()
    assert message == (
        f"stopped by {number.name}: nothing was being trained, there is nothing to save"
    )
    assert shlex.split(hint.removeprefix("try: ")) == ["ganzoo", *words]
    assert not list(tmp_path.iterdir())


def test_a_signal_to_a_short_command_is_left_to_python() -> None:
    words = [sys.executable, "-c", IMPORTING, "click", str(int(TERM)), "recipes"]
    assert subprocess.run(words, capture_output=True).returncode == -TERM


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


def test_an_expired_time_limit_lets_a_run_start_but_an_earlier_signal_does_not() -> None:
    flag = StopFlag(max_seconds=0)
    with flag.at_once():
        began = True
    assert began
    flag.receive(USR1)
    with pytest.raises(StopAsked), flag.at_once():
        pytest.fail("it began")
