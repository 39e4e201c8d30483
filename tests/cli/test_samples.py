"""``ganzoo score`` and ``ganzoo sample``: contradictory arguments and files in the way."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import torch

from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.cli.sample import class_numbers, default_name
from ganzoo.cli.score import figure
from ganzoo.errors import UsageError
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.files import write_samples
from ganzoo.training.progress import TerminalReporter, is_main_process

Capture = pytest.CaptureFixture[str]
SPEC = SampleSpec("image", (1, 8, 8))


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one empty run and one file of samples."""
    monkeypatch.chdir(tmp_path)
    RunDirectory.create(Path("runs"), "a", 0)
    np.savez("ü 'x.npz", samples=np.zeros((3, 8, 8), dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["a", "--against", "digits"], "is a run, which has its reference already", "score"),
        (["nope.npz", "--like", "a"], "there is no file nope.npz", None),
        (["photos/nope.png", "--like", "a"], "there is no file photos/nope.png", None),
        (["nope", "--against", "digits"], "no run 'nope' in runs", "ls"),
        (["ü 'x.npz"], "ü 'x.npz holds samples, which need a reference", "score"),
        (["ü 'x.npz", "--like", "nope"], "no run 'nope'", "ls"),
        (["a", "--split", "test"], "--split needs --against", "score"),
        (["a", "--extractor", "pixels"], "--extractor needs --against", "score"),
        (
            ["ü 'x.npz", "--against", "digits", "--extractor", "{path: x}"],
            "--extractor {path: x}: expected a name, or {use: NAME, KEY: VALUE}",
            "list",
        ),
        (
            ["ü 'x.npz", "--against", "digits", "--extractor", "{use: torchscript, size: 8}"],
            "extractor.path  is required",
            "info",
        ),
        (["a", "--like", "a", "--against", "digits"], "choose one", "score"),
        (["ü 'x.npz", "--like", "a", "--checkpoint", "5"], "have no --checkpoint", "score"),
        (["a", "--name", "b"], "is a run, which keeps its own scores", "score"),
        (
            ["ü 'x.npz", "--against", "digits", "--name", "a/b"],
            "is not a valid run name",
            "score",
        ),
        (["ü 'x.npz", "--yardstick"], "--yardstick needs --name", "score"),
        (["a", "--checkpoint", "newest"], "not final, best or a step", "score"),
    ],
)
def test_a_score_command_that_makes_no_sense_is_refused_with_a_hint(
    words: list[str], message: str, hint: str | None, capsys: Capture
) -> None:
    assert main(["score", *words]) in (2, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    if hint:
        assert shlex.split(err.splitlines()[-1])[:3] == ["try:", "ganzoo", hint]


def test_several_are_scored_in_turn_and_a_bad_one_does_not_stop_the_rest(
    capsys: Capture,
) -> None:
    random = np.random.default_rng(0)
    for name in ("a.npz", "key=b.npz"):
        np.savez(name, samples=random.integers(0, 256, (9, 8, 8), dtype=np.uint8))
    np.savez("one.npz", samples=np.zeros((1, 8, 8), dtype=np.uint8))
    words = ["score", "a.npz", "one.npz", "key=b.npz", "--against", "digits"]
    assert main(words) == 4
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if "npz" in line] == ["a.npz", "key=b.npz"]
    assert len([line for line in out.splitlines() if "FD(toy-cnn) 9" in line]) == 2
    assert err.splitlines() == [
        "one.npz:",
        "one.npz holds one sample, and a score needs two",
        "try: make some thousand: the fewer, the higher they score",
        "1 of 3 were not scored: one.npz",
    ]
    assert main([*words[:2], *words[3:], "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["scored"], second["scored"]) == ("a.npz", "key=b.npz")
    assert f"{second['value']:.4f}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["eval.final_samples=5"], "missing RUN or PATH to score"),
        (["a", "b", "--name", "x"], "--name names one score, not 2"),
    ],
)
def test_contradictory_words_of_score_are_refused(
    words: list[str], message: str, capsys: Capture
) -> None:
    assert main(["score", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_run_is_not_scored_like_one_of_another_data_set(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def load(name: str, directory: Path) -> SimpleNamespace:
        return SimpleNamespace(
            name=name,
            directory=name,
            evaluation=lambda: {"eval.final_samples": 7},
            score=lambda overrides, **about: pytest.fail(f"scored with {overrides}"),
        )

    def data_of(name: str) -> tuple[str, None]:
        return "zoo/gaussians" if name == "points" else "zoo/digits", None

    monkeypatch.setattr("ganzoo.training.run.load", load)
    monkeypatch.setattr("ganzoo.training.run_files.data_of", data_of)
    assert main(["score", "a", "--like", "points"]) == 2
    assert "points was scored against gaussians and a against digits" in capsys.readouterr().err
    with pytest.raises(pytest.fail.Exception, match=r"scored with \{'eval.final_samples': 7\}"):
        main(["score", "a", "--like", "digits", "--traceback"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(70.50931, "70.5093"), (0.0, "0.0000"), (2.27e-13, "2.270e-13"), (1.81e60, "1.810e+60")],
)
def test_a_figure_has_four_decimals_unless_it_is_too_small_or_too_large(
    value: float, text: str
) -> None:
    assert figure(value) == text


# --- files ---------------------------------------------------------------------------------------


def test_two_requests_never_get_one_file_name() -> None:
    requests = [
        (checkpoint, seed, count, labels, steps)
        for checkpoint in ("final", "10")
        for seed in (0, 1)
        for count in (1, 64)
        for labels in ((), (1,), (1, 2), (12,))
        for steps in (None, 5)
    ]
    found = {default_name(*request, ".png") for request in requests}
    assert len(found) == len(requests)
    assert all(name.endswith(".png") for name in found)
    assert len(default_name("final", 0, 64, tuple(range(1000)), None, ".png")) < 200


@pytest.mark.parametrize(("status", "said"), [("finished", "final"), ("interrupted", "7")])
def test_a_picture_of_a_run_that_has_not_ended_is_not_called_final(
    status: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class Stopped:
        directory = RunDirectory.find("a", Path("runs"))
        spec = SPEC
        status: str

        def checkpoint(self, which: str) -> SimpleNamespace:
            return SimpleNamespace(step=7)

        def sample(self, count: int, **how: object) -> torch.Tensor:
            assert how["checkpoint"] == ("final" if said == "final" else 7)
            return torch.zeros(count, 1, 8, 8, dtype=torch.uint8)

    Stopped.status = status
    monkeypatch.setattr("ganzoo.training.run.load", lambda *given: Stopped())
    assert main(["sample", "a"]) == 0
    assert Path(capsys.readouterr().out.strip()).name == f"sample-{said}-seed0-n64.png"


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.npz", "a.zip", "folder", "deep/er/a.png"])
def test_samples_are_written_where_they_were_asked_for(name: str) -> None:
    samples = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    assert write_samples(Path(name), SPEC, samples) == Path(name)
    assert Path(name).exists()
    write_samples(Path(name), SPEC, samples)


def test_samples_are_not_mixed_with_others_in_a_folder() -> None:
    write_samples(Path("folder"), SPEC, torch.zeros(4, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(UsageError, match=r"holds other files, such as 000002\.png"):
        write_samples(Path("folder"), SPEC, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.jpg", "image samples are written as .png, .npz, .zip or a folder, not as .jpg"),
        ("file/a.png", "cannot be written"),
    ],
)
def test_a_place_that_cannot_take_samples_is_named(name: str, message: str) -> None:
    Path("file").touch()
    with pytest.raises(UsageError, match=message):
        write_samples(Path(name), SPEC, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))


def test_only_rank_zero_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_main_process()
    monkeypatch.setenv("RANK", "1")
    assert not is_main_process()
    assert TerminalReporter().silent


def test_a_class_is_drawn_by_its_number_or_its_name() -> None:
    names = ("cat", "dog", "7")
    assert class_numbers(("dog", "0", "7", "12"), names) == (1, 0, 2, 12)
    for label in ("Dog", "-1", "1.0"):
        with pytest.raises(click.UsageError, match="nor the name of a class; there are cat"):
            class_numbers((label,), names)
    with pytest.raises(click.UsageError, match=r"nor the name of a class$"):
        class_numbers(("dog",), ())
