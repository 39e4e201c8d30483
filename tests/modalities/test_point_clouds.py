"""A distribution that brings a kind of data: trained, sampled, scored, reported like others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.api import Dataset, SampleSpec
from ganzoo.cli import main
from ganzoo.errors import DataError, RecipeError
from ganzoo.modalities import contract, modality, register_modality
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.feed import DataFeed
from ganzoo.training.launch import prepare

SOURCE = Path(__file__).parent / "point_clouds"


@pytest.fixture
def clouds(install_plugin, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the distribution for one test."""
    monkeypatch.setattr(contract, "_TARGETS", dict(contract._TARGETS))
    files = {
        path.relative_to(SOURCE).as_posix(): path.read_text()
        for path in sorted(SOURCE.rglob("*"))
        if path.suffix in (".py", ".yaml")
    }
    install_plugin("ganzoo-clouds", files, clouds="ganzoo_clouds")
    yield
    contract._made.cache_clear()


class Sounds:
    """Silent samples."""

    spec = SampleSpec("audio", (1, 8), sample_rate=8000)

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[Tensor, None]:
        return torch.zeros(1, 8), None


def feed_of(dataset: Dataset) -> DataFeed:
    """Return the data of one process in batches of 64."""
    return DataFeed(
        dataset, seed=0, rows=Rows(0, 64), batch_size=64, position=0, device=CPU,
        in_memory=True, with_labels=False,
    )  # fmt: skip


def trained(folder: Path, *overrides: str) -> RunDirectory:
    words = ["run", "clouds/demo", "--runs-dir", str(folder), "train.steps=4", *overrides]
    assert main([*words, "eval.every_steps=4", "eval.samples=60"]) == 0
    return RunDirectory.find("last", folder)


def test_a_spec_finds_the_modality_of_a_plugin_that_no_registry_has_loaded(clouds: None) -> None:
    assert "clouds/points" not in contract._TARGETS
    spec = SampleSpec("clouds/points", (5, 3))
    assert (type(spec.kind).__name__, spec.size, spec.stored_dtype) == ("Points", 15, "float32")
    assert SampleSpec.from_json(spec.to_json()) == spec
    with pytest.raises(ValueError, match="points have 3 coordinates, not 2"):
        SampleSpec("clouds/points", (5, 2))


def test_a_component_for_images_is_refused_for_points(clouds: None) -> None:
    with pytest.raises(RecipeError, match="zoo/dcgan is for image, but the data is clouds/points"):
        prepare("clouds/demo", ["generator=dcgan"])


def test_points_are_mirrored_as_the_modality_says(clouds: None) -> None:
    dataset = prepare("clouds/demo").dataset
    seen, _ = feed_of(dataset).next().part(Rows(0, 64))
    known = {tuple(cloud.flatten().tolist()) for cloud, _ in dataset}
    turned = torch.tensor([-1.0, 1.0, 1.0])
    as_stored = [tuple(cloud.flatten().tolist()) in known for cloud in seen]
    mirrored = [tuple((cloud * turned).flatten().tolist()) in known for cloud in seen]
    assert [a != b for a, b in zip(as_stored, mirrored, strict=True)] == [True] * 64
    assert 16 < sum(mirrored) < 48


def test_data_that_cannot_be_mirrored_is_refused_before_training() -> None:
    class Wrong(Sounds):
        mirror = True

    with pytest.raises(DataError, match="audio 1x8 cannot be mirrored, and the data set asks"):
        feed_of(Wrong())
    assert feed_of(Sounds()).next().part(Rows(0, 64))[0].shape == (64, 1, 8)


def test_points_are_trained_sampled_scored_and_reported(
    clouds: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path / "runs")
    assert run.status() == "finished"
    names = {path.name for path in run.samples_directory.iterdir()}
    assert {"real.png", "step-00000004.png"} <= names
    about = json.loads(run.sample_spec_file.read_text())["spec"]
    assert about["modality"] == "clouds/points"
    assert about["class_names"] == ["sphere", "cube", "ring"]
    (health, *_) = run.health()
    assert health["saturated"] is None

    folder = tmp_path / "folder"
    capsys.readouterr()
    assert main(["sample", str(run.path), "--count", "3"]) == 0
    with Image.open(capsys.readouterr().out.strip()) as image:
        assert image.size == (360, 120)
    assert main(["sample", str(run.path), "--count", "60", "--out", str(folder)]) == 0
    assert (folder / "000000.ply").read_text().startswith("ply\nformat ascii 1.0\n")
    assert main(["sample", str(run.path), "--out", str(tmp_path / "a.obj")]) == 2
    said = "clouds/points samples are written as .png, .npz or a folder, not as .obj"
    assert said in capsys.readouterr().err

    assert main(["score", str(folder), "--like", str(run.path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    assert value == pytest.approx(run.scores()[-1].value, rel=1e-3)

    page = tmp_path / "page.html"
    assert main(["report", str(run.path), "--out", str(page)]) == 0
    assert page.read_text().count("data:image/png;base64,") == 1 + 4
    assert main(["compare", "--runs-dir", str(tmp_path / "runs"), "--html", str(page)]) == 0
    assert page.read_text().count("data:image/png;base64,") == 2


def test_a_run_on_points_is_loaded_by_a_process_that_knows_nothing_of_them(
    clouds: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(tmp_path / "runs", "eval.extractor=null")
    monkeypatch.delitem(contract._TARGETS, "clouds/points")
    contract._made.cache_clear()
    assert ganzoo.load(run.path).sample(2).shape == (2, 64, 3)


def test_a_name_of_ganzoos_own_cannot_be_taken(install_plugin) -> None:
    source = """
        from ganzoo.api import hookimpl
        @hookimpl
        def register_modalities(register):
            register("image", "ganzoo_bad:Image")
    """
    install_plugin("ganzoo-bad", {"ganzoo_bad": source}, bad="ganzoo_bad")
    (bad,) = [each for each in Registry().namespaces() if each.name == "bad"]
    assert bad.status == "broken"
    assert "'image': ganzoo itself has a modality with this name" in str(bad.error)


def test_a_plugin_that_is_loaded_again_replaces_its_modality() -> None:
    register_modality("local/x", "ganzoo.modalities.vector:Vector")
    first = modality("local/x")
    register_modality("local/x", "ganzoo.modalities.image:Image")
    assert type(modality("local/x")) is not type(first)
    contract._TARGETS.pop("local/x")


@pytest.mark.slow
def test_the_distribution_keeps_every_contract(
    clouds: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", "clouds/*"]) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_training_on_points_brings_the_distance_down(clouds: None, tmp_path: Path) -> None:
    recipe = Recipe.load("clouds/demo", ["train.steps=1000", "eval.every_steps=50"], Registry())
    run = ganzoo.run(recipe, runs_directory=tmp_path)
    during = [score.value for score in run.scores if score.sampling.selected == "during"]
    assert during[-1] < 0.5 * during[0]
