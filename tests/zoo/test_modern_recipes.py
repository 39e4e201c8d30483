"""The small recipes of R3GAN, FastGAN, the U-Net and projected D, pix2pix and CycleGAN, trained.

Each is resumed bit for bit and exported; pix2pix learns what its condition means.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.cli import main
from ganzoo.nn import encode
from tests.literature.runs import inputs, state

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL: dict[str, list[str]] = {
    "digits-r3gan": ["generator.width=16", "discriminator.width=16"],
    "shapes-fastgan": ["generator.width=4", "discriminator.width=4", "dataset.length=100"],
    "shapes-unet": ["generator.width=8", "discriminator.width=4", "dataset.length=100"],
    "projected-gan": ["generator.width=4", "discriminator.width=8", "dataset.length=100"],
    "outlines-pix2pix": ["generator.width=4", "discriminator.width=4", "dataset.length=100"],
    "outlines-cyclegan": ["generator.width=4", "discriminator.width=4", "dataset.length=100"],
    "outlines-super-resolution": [
        "generator.width=4",
        "discriminator.width=4",
        "dataset.length=99",
    ],
}


def train(name: str, runs: Path, steps: int, *settings: str) -> Any:
    words = ["run", str(RECIPES / f"{name}.yaml"), f"train.steps={steps}", *settings]
    assert main([*words, "--runs-dir", str(runs)]) == 0
    return ganzoo.load("last", runs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_it_resumes_bit_for_bit_and_its_generator_is_exported(name: str, tmp_path: Path) -> None:
    quick = [*SMALL[name], "train.batch_size=8", "eval={extractor: null, metrics: []}"]
    straight = train(name, tmp_path / "straight", 4, *quick)
    half = train(name, tmp_path / "half", 2, *quick)
    ours, theirs = state(straight), state(ganzoo.resume(half.path, {"train.steps": 4}))
    assert ours.keys() == theirs.keys()
    assert not [each for each in ours if ours[each] != theirs[each]]
    given, network = inputs(straight), straight.generator
    samples = torch.export.load(straight.export("program")[0]).module()(*given)
    assert samples.shape == (5, *straight.spec.model_shape)
    if "noise" not in inspect.signature(network.forward).parameters:
        torch.testing.assert_close(samples, network(*given))


@pytest.mark.slow
def test_pix2pix_is_nearer_to_the_truth_than_its_input_and_the_mean_picture(tmp_path: Path) -> None:
    run = train(
        "outlines-pix2pix",
        tmp_path,
        250,
        "dataset={use: outlines, size: 16, length: 1000}",
        "generator.width=12",
        "discriminator.width=8",
        "eval.extractor=pixels",
        "eval.samples=200",
        "eval.every_steps=250",
    )
    errors = run.directory.scores()[-1].metrics
    assert errors["paired_error"] < 0.95 * errors["paired_error_of_mean"]
    assert errors["paired_error_of_mean"] < errors["paired_error_of_input"]


@pytest.mark.slow
def test_cyclegan_without_pairs_is_nearer_to_the_truth_than_its_input(tmp_path: Path) -> None:
    run = train(
        "outlines-cyclegan",
        tmp_path,
        150,
        "dataset={use: outlines, given: unpaired, size: 12, length: 1000}",
        "generator={use: cyclegan, width: 8, blocks: 1}",
        "discriminator.width=8",
        "schedules={}",
        "train.batch_size=8",
        "eval.extractor=pixels",
        "eval.samples=100",
        "eval.every_steps=150",
    )
    errors = run.directory.scores()[-1].metrics
    assert errors["paired_error"] < 0.3 * errors["paired_error_of_input"]


def test_the_unpaired_test_split_has_the_truth_that_the_error_is_measured_with() -> None:
    from ganzoo_zoo.datasets.outlines import Outlines
    from ganzoo_zoo.metrics.paired_error import PairedError

    from ganzoo.api import Evaluated

    data = Outlines("test", size=16, length=30, given="unpaired")
    both, _ = data.tensors()
    side = Evaluated(both.flatten(1).float(), both, both)
    swapped = Evaluated(both.flatten(1).float(), both.roll(16, 3), both)
    assert PairedError()(side, side)["paired_error"] == 0
    found = PairedError()(side, swapped)
    assert found["paired_error"] == pytest.approx(found["paired_error_of_input"])
    assert encode(data.spec, both).shape == both.shape
