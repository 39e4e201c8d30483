"""Scores that were silently of something else in trials: what is true of them now."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.errors import Diverged
from ganzoo.sampling.sampler import Sampler

GREY = SampleSpec("image", (1, 8, 8))
BROKEN = Path(__file__).with_name("broken_samples_plugin.py")


class WithNan(nn.Module):
    """Makes grey pictures; the samples with these indices hold a NaN."""

    latent_dim = 4

    def __init__(self, *wrong: int) -> None:
        super().__init__()
        self.wrong, self.made = wrong, 0

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        samples = torch.zeros(len(z), 1, 8, 8)
        for index in self.wrong:
            if 0 <= index - self.made < len(z):
                samples[index - self.made, 0, 3, 3] = torch.nan
        self.made += len(z)
        return samples


class Normal:
    """A standard normal latent."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, 4, generator=generator)


def sampler(*wrong: int) -> Sampler:
    return Sampler(WithNan(*wrong), GREY, Normal())


def broken_recipe(folder: Path, after: int, extractor: str | None) -> list[str]:
    recipe = {
        "recipe": 1,
        "name": "broken",
        "dataset": {"use": "digits"},
        "generator": {"use": "local/broken", "after": after},
        "discriminator": {"use": "mlp", "width": 8},
        "loss": "vanilla",
        "train": {"steps": 4, "batch_size": 16, "sample_every_steps": 4},
        "eval": {"extractor": extractor, "final_samples": 64, "samples": 64},
    }
    (folder / "broken.yaml").write_text(yaml.safe_dump(recipe))
    return ["run", str(folder / "broken.yaml"), "--plugin", str(BROKEN)]


# --- samples that are not finite ---


@pytest.mark.parametrize("wrong", [(0,), (3, 255, 256, 299), (299,)])
def test_generated_samples_that_are_not_finite_are_refused_and_counted(
    wrong: tuple[int, ...],
) -> None:
    said = f"{len(wrong)} of 300 samples .* not finite, the first is sample {wrong[0]}"
    with pytest.raises(Diverged, match=said):
        sampler(*wrong).sample(300)
    with pytest.raises(Diverged, match=r"1 of 12 samples .* the first is sample 5"):
        sampler(5).interpolate(3, 4)
    with pytest.raises(Diverged, match=r"1 of 12 samples .* the first is sample 5"):
        sampler(5).generate(torch.zeros(12, 4), None, seed=0)


def test_neither_a_score_nor_samples_are_made_of_a_generator_that_is_not_finite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(broken_recipe(tmp_path, after=1, extractor=None)) == 0
    said = r"(\d+) of 64 samples with values that are not finite, the first is sample \d+"
    (run,) = Path("runs").glob("broken-*")
    log = (run / "log.txt").read_text()
    assert re.search(f"no preview at step 4: .* {said}", log)
    assert re.search("not checked for collapse at step 4: .* of 256 samples", log)
    assert not list((run / "samples").glob("step-*"))
    for command in (
        ["sample", str(run), "--count", "64"],
        ["score", str(run), "eval.extractor=pixels"],
    ):
        capsys.readouterr()
        assert main(command) == Diverged.exit_code
        assert re.search(said, capsys.readouterr().err)


def test_an_evaluation_of_samples_that_are_not_finite_ends_the_run_as_diverged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(broken_recipe(tmp_path, after=1, extractor="pixels")) == Diverged.exit_code
    said = capsys.readouterr().err
    assert re.search(r"\d+ of 64 samples .* not finite", said)
    assert "try: ganzoo run" in said
    assert not list(Path("runs").glob("*/scores.jsonl"))


def test_a_check_finds_samples_that_are_not_finite_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*broken_recipe(tmp_path, 0, "pixels"), "generator.most=-100"]) == 2
    assert "gave samples that are not finite before it was trained" in capsys.readouterr().err
