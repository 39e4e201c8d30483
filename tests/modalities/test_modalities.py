"""Each modality keeps its contract; specs survive JSON; previews and files hold the samples."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.api import MODALITIES, Column, Registration, SampleSpec
from ganzoo.modalities import modality
from ganzoo.registry.registry import Registry
from ganzoo.testing.component import Component
from ganzoo.testing.modalities import MODALITY
from ganzoo.testing.outcomes import Exempt
from ganzoo.testing.suite import CHECKS


@dataclass
class Shipped:
    """A modality of ganzoo itself in place of a case of the conformance kit."""

    name: str

    @property
    def component(self) -> Component:
        target = f"ganzoo.modalities.{self.name}:{self.name.title()}"
        own = Registration("modality", "zoo", self.name, target, "ganzoo", "0")
        return Component(Registry([]), own)


@pytest.mark.parametrize("name", MODALITIES)
@pytest.mark.parametrize("check", MODALITY, ids=lambda check: check.name)
def test_every_modality_of_ganzoo_passes_the_conformance_kit(name: str, check) -> None:
    try:
        check.run(Shipped(name).component)
    except Exempt as exempt:
        pytest.skip(str(exempt))


def test_the_kit_checks_modalities_like_every_kind() -> None:
    assert set(MODALITY) < set(CHECKS["modality"])


def test_no_modality_imports_torch_before_it_is_used() -> None:
    code = (
        "import sys; from ganzoo.modalities import MODALITIES, modality\n"
        "specs = [spec for name in MODALITIES for spec in modality(name).specs()]\n"
        "[(spec.model_shape, spec.to_json(), spec.kind.formats(spec)) for spec in specs]\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- specs ---------------------------------------------------------------------------------------


def test_a_spec_without_choices_is_as_short_in_json_as_in_code() -> None:
    assert SampleSpec("image", (1, 8, 8)).to_json() == {"modality": "image", "shape": [1, 8, 8]}


@pytest.mark.parametrize(
    "spec",
    [
        SampleSpec("image", (3, 8, 8), classes=2, class_names=("cat", "dog")),
        SampleSpec("audio", (2, 100), sample_rate=8000),
        SampleSpec("video", (4, 1, 8, 8), frame_rate=12.5),
        *modality("table").specs(),
    ],
)
def test_a_spec_read_from_json_text_is_the_same(spec: SampleSpec) -> None:
    assert SampleSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_spec_with_a_condition_read_from_json_text_is_the_same() -> None:
    condition = SampleSpec("text", (12,), vocabulary=7)
    spec = SampleSpec("image", (3, 8, 8), condition=condition)
    read = SampleSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert read == spec
    assert read.condition == condition
    assert str(read) == "image 3x8x8, condition text 12"


@pytest.mark.parametrize(
    "given",
    [
        {"classes": 3, "condition": SampleSpec("vector", (2,))},
        {"condition": SampleSpec("vector", (2,), classes=3)},
        {"condition": SampleSpec("vector", (2,), condition=SampleSpec("vector", (1,)))},
        {"condition": "vector"},
    ],
    ids=["beside classes", "with classes", "with a condition", "not a spec"],
)
def test_a_condition_that_cannot_be_one_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="condition"):
        SampleSpec("image", (1, 8, 8), **given)


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"modality": "image"},
        {"modality": "image", "shape": 3},
        {"modality": "image", "shape": ["a", 1, 1]},
        {"modality": "image", "shape": [1, 8, 8], "colour": True},
        {"modality": ["image"], "shape": [1, 8, 8]},
        {"modality": "nope", "shape": [1]},
        {"modality": "nowhere/points", "shape": [1]},
        {"modality": "table", "shape": [1], "columns": [{"kind": "float"}]},
        {"modality": "table", "shape": [1], "columns": ["a"]},
        {"modality": "table", "shape": [1], "columns": [{"name": "a", "width": 2}]},
    ],
)
def test_json_that_is_no_spec_is_a_value_error(data) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any words
        SampleSpec.from_json(data)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"modality": "image", "shape": (8, 8)}, "image samples have 3 axes"),
        ({"modality": "text", "shape": (8,)}, "need a vocabulary"),
        ({"modality": "audio", "shape": (1, 8), "sample_rate": -1}, "at least 1 hertz"),
        ({"modality": "table", "shape": (2,), "columns": (Column("a"),)}, "as many columns"),
        (
            {"modality": "table", "shape": (2,), "columns": (Column("a"), Column("a"))},
            "the same name",
        ),
        ({"modality": "table", "shape": (1,), "columns": (Column("a", "word"),)}, "unknown kind"),
        (
            {"modality": "table", "shape": (1,), "columns": (Column("a", "category"),)},
            "categories are for the kind 'category'",
        ),
        (
            {"modality": "image", "shape": (1, 8, 8), "classes": 2, "class_names": ("cat",)},
            "1 class names for 2 classes",
        ),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(fields, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SampleSpec(**fields)


# --- previews ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "endings"),
    [
        (SampleSpec("image", (4, 8, 8)), [".png"]),
        (SampleSpec("video", (4, 1, 8, 8)), [".webp", "-frames.png"]),
        (SampleSpec("audio", (1, 64), sample_rate=8000), [".png", "-0.wav", "-1.wav"]),
        (SampleSpec("audio", (3, 2000)), [".png"]),
        (SampleSpec("text", (5,), vocabulary=9), [".txt"]),
        (modality("table").specs()[0], [".png", "-rows.csv"]),
        (SampleSpec("vector", (1,)), [".png"]),
        (SampleSpec("vector", (2,)), [".png"]),
        (SampleSpec("vector", (7,)), [".png"]),
    ],
    ids=str,
)
def test_a_preview_is_the_files_that_a_page_shows(spec: SampleSpec, endings: list[str]) -> None:
    random = torch.Generator().manual_seed(0)
    samples = spec.kind.decode(spec, spec.kind.random(spec, 2, random))
    assert list(spec.kind.preview(spec, samples)) == endings


def test_a_preview_of_one_sample_that_is_constant_is_drawn() -> None:
    for name in MODALITIES:
        for spec in modality(name).specs():
            zeros = torch.zeros(1, *spec.shape, dtype=getattr(torch, spec.stored_dtype))
            assert spec.kind.preview(spec, zeros, zeros)


# --- files ---------------------------------------------------------------------------------------


def stored(spec: SampleSpec, count: int = 3) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return spec.kind.decode(spec, spec.kind.random(spec, count, random))


@pytest.mark.parametrize(
    ("spec", "suffix"),
    [
        (SampleSpec("text", (5,), vocabulary=9), ".txt"),
        (SampleSpec("text", (5,), vocabulary=9), ".jsonl"),
        (SampleSpec("vector", (3,)), ".csv"),
        (modality("table").specs()[0], ".csv"),
    ],
    ids=str,
)
def test_samples_in_text_files_are_read_back_the_same(
    spec: SampleSpec, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"samples{suffix}"
    spec.kind.write(spec, path, stored(spec))
    assert torch.equal(spec.kind.read(spec, path, lambda *about: None), stored(spec))


@pytest.mark.parametrize(
    ("spec", "step"),
    [
        (SampleSpec("audio", (2, 500), sample_rate=8000), 1 / 32767),
        (SampleSpec("video", (4, 3, 8, 12), frame_rate=5.0), 0),
        (SampleSpec("video", (3, 1, 8, 12)), 0),
    ],
    ids=str,
)
def test_one_sample_a_file_is_read_back_within_the_files_precision(
    spec: SampleSpec, step: float, tmp_path: Path
) -> None:
    samples = stored(spec)
    for index, sample in enumerate(samples):
        spec.kind.write_sample(spec, tmp_path / f"{index}{spec.kind.sample_suffix(spec)}", sample)
    found = spec.kind.read(spec, tmp_path, lambda *about: None)
    torch.testing.assert_close(found, samples, rtol=0, atol=step)
