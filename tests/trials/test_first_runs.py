"""What a new user reads: how to get a score, how long a run takes, which picture is newest."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.api import Registration, SampleSpec
from ganzoo.cli import main
from ganzoo.components.extractors import why_unscored
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.samples import last_preview
from ganzoo.training.startup_notes import TimeEstimate, duration


def hint(spec: SampleSpec, *modalities: str) -> str | None:
    registration = Registration(
        *("dataset", "acme", "mine", "acme:Mine", "acme", "1.0"), modalities=frozenset(modalities)
    )
    return why_unscored(registration, Registry(), spec).hint


@pytest.mark.usefixtures("own_cache")
def test_only_colour_pictures_without_weights_are_told_to_fetch_inception() -> None:
    colour, grey = (SampleSpec("image", (n, 16, 16)) for n in (3, 1))
    assert hint(colour, "image") == (
        "ganzoo fetch inception   # or, without a download, eval.extractor=toy-cnn or pixels"
    )
    assert hint(grey, "image") == "eval.extractor=toy-cnn   # or pixels"
    assert hint(SampleSpec("vector", (3,)), "vector") == "eval.extractor=pixels"
    audio = SampleSpec("audio", (1, 64), sample_rate=8000)
    assert hint(audio, "audio") == "ganzoo list extractors"


def write_pictures(folder: Path, mode: str = "RGB", count: int = 40) -> None:
    folder.mkdir()
    noise = torch.Generator().manual_seed(0)
    for number in range(count):
        levels = torch.randint(256, (16, 16, 3), generator=noise).byte().numpy()
        Image.fromarray(levels).convert(mode).save(folder / f"{number:02}.png")


PHOTOS = """
recipe: 1
name: photos
dataset: {use: folder, path: pictures, size: 16}
generator: {use: dcgan, width: 8, latent_dim: 8}
discriminator: {use: dcgan, width: 8}
loss: hinge
train: {steps: 4, batch_size: 8}
eval: {samples: 8}
"""


@pytest.mark.usefixtures("own_cache")
def test_an_unscored_photo_run_is_scored_by_the_override_that_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures")
    (tmp_path / "photos.yaml").write_text(PHOTOS)
    assert main(["run", "photos.yaml"]) == 0
    assert "without a download, eval.extractor=toy-cnn or pixels" in capsys.readouterr().err
    assert main(["compare"]) == 2
    error = capsys.readouterr().err
    advised = next(line for line in error.splitlines() if line.startswith("try: "))
    words = advised.removeprefix("try: ").split()
    assert words[:2] == ["ganzoo", "score"]
    assert words[-1] == "eval.extractor=toy-cnn"
    assert main(words[1:]) == 0
    assert main(["compare"]) == 0


def test_the_estimate_is_of_the_steps_that_are_left_and_is_said_once() -> None:
    now = [0.0]
    estimate = TimeEstimate(torch.device("cpu"), scored=True, clock=lambda: now[0])
    said = []
    for step in range(1, 20):
        now[0] += 2.0
        said.append(estimate.after_step(step, samples_seen=16 * step, last=6000))
    assert [words for words in said if words] == [
        "training takes about 3 h 20 min at 8.0 samples/s on this CPU "
        "(an estimate from 3 steps; evaluations take more)"
    ]


def test_a_short_run_has_no_estimate_and_other_work_is_not_timed() -> None:
    now = [0.0]
    estimate = TimeEstimate(torch.device("cpu"), scored=False, clock=lambda: now[0])
    for step in range(1, 10):
        now[0] += 2.0
        assert estimate.after_step(step, samples_seen=step, last=20) is None
    estimate = TimeEstimate(torch.device("cpu"), scored=False, clock=lambda: now[0])
    for step in range(1, 10):
        now[0] += 2.0
        assert estimate.after_step(step, samples_seen=step, last=10**6) is None
        estimate.restart()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61, "1 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (90_000, "1 day 1 h")],
)
def test_a_duration_is_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_newest_picture_of_a_run_that_began_again_is_of_its_own_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["gaussians-mlp", "eval.extractor=null", "eval.metrics=[]", "train.batch_size=8"]
    assert main(["run", *small, "train.steps=4"]) == 0
    run = RunDirectory(Path(capsys.readouterr().out.strip()))
    for left in (9, 100):  # of an attempt that came further, and was killed before it saved
        (run.samples_directory / f"step-{left:08}.png").write_bytes(b"")
    assert [path.name for path in last_preview(run)] == ["step-00000004.png"]
    assert main(["resume", "last", "train.steps=6"]) == 0
    assert "look   " in (shown := capsys.readouterr().err)
    assert "step-00000006.png" in shown


@pytest.mark.usefixtures("own_cache")
def test_runs_under_two_protocols_and_unscored_ones_are_a_table_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare"]) == 2
    assert "there are no runs in runs\ntry: ganzoo run " in capsys.readouterr().err
    small = ["gaussians-mlp", "eval.metrics=[]", "train.batch_size=8", "train.steps=2"]
    for change in (["eval.samples=64"], ["eval.samples=32", "seed=1"], ["eval.extractor=null"]):
        assert main(["run", *small, *change]) == 0
    runs = [run.name for run in RunDirectory.all(tmp_path / "runs")]
    capsys.readouterr()
    first, _, unscored = runs  # of two protocols with one run each the newer is ranked
    cases = [([], [first, unscored]), (runs[:2], [first]), ([first, unscored], [unscored])]
    for chosen, listed in [*cases, ([first, first], [])]:
        for form in ("table", "md", "csv", "json"):
            assert main(["compare", *chosen, "--format", form]) == 0
            out, err = capsys.readouterr()
            assert all(name in out + err for name in listed)
    assert main(["compare", runs[2]]) == 2
    assert "try: ganzoo score " in capsys.readouterr().err
