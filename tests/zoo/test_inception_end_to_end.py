"""From a file of weights to a score: fetched from disk, loaded, written to the protocol.

The weights are random, so a plugin of the test's own registers them: nothing that a user can give
makes `inception` take another file than the public one.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import ganzoo
from ganzoo.cli import main

PLUGIN = """
    from ganzoo_zoo.extractors.inception import Inception

    from ganzoo.api import RemoteFile, hookimpl

    FILE = RemoteFile("random.pth", "https://example.org/random.pth", "{sha256}")

    class Random(Inception):
        file = FILE

    @hookimpl
    def register_extractors(register):
        register("inception", "ganzoo_acme:Random", modalities=["image"], files=[FILE])
"""

RECIPE = """
recipe: 1
name: grey
dataset: {use: folder, path: pictures, size: 16, channels: 1}
generator: {use: dcgan, width: 8}
discriminator: {use: dcgan, width: 8}
loss: hinge
train: {steps: 1, batch_size: 4}
eval: {every_steps: 1, samples: 4, extractor: acme/inception}
"""


@pytest.fixture
def recipe(install_plugin, toys: SimpleNamespace, weights: Path, tmp_path: Path) -> Path:
    source = PLUGIN.format(sha256=toys.remote(weights).sha256)
    install_plugin("ganzoo-acme", {"ganzoo_acme": source}, acme="ganzoo_acme")
    (tmp_path / "pictures").mkdir()
    for place, image in enumerate(toys.images(5, size=16, channels=1)):
        Image.fromarray(image[0].numpy()).save(tmp_path / "pictures" / f"{place}.png")
    path = tmp_path / "grey.yaml"
    path.write_text(RECIPE)
    return path


def test_without_its_weights_a_run_is_refused_before_it_starts(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert main(["run", str(recipe), "--runs-dir", str(runs)]) == 4
    assert "random.pth cannot be read: No such file" in capsys.readouterr().err
    assert not runs.exists()


@pytest.mark.slow
def test_a_run_is_scored_by_weights_that_were_fetched_from_disk(
    recipe: Path, weights: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    assert main(["fetch", "acme/inception", "--from", str(weights)]) == 0
    assert main(["run", str(recipe), "--runs-dir", str(runs)]) == 0
    (directory,) = runs.glob("[!.]*")
    protocol = ganzoo.load(directory).scores[-1].protocol
    assert protocol.distance_name == "FD(acme/inception)"
    assert protocol.layer == "pool3"
    assert protocol.extractor_dtype == "float32"
    assert protocol.input_rule == (
        "clamp and round to uint8; grey->rgb; bicubic antialias 16x16->299x299, clamped; "
        "float32 in [0, 255]"
    )
    assert (protocol.n_fake, protocol.n_real) == (4, 5)
