"""docs/zoo.md is what `make zoo` writes, and its numbers are those of the recipes."""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.recipes import Recipe
from ganzoo.registry.registry import Registry

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def zoo() -> Iterator[Any]:
    """Everything that benchmarks/zoo.py defines, by name."""
    sys.path.insert(0, str(BENCHMARKS))
    yield runpy.run_path(str(BENCHMARKS / "zoo.py"))
    sys.path.remove(str(BENCHMARKS))


def test_the_page_is_up_to_date(zoo: Any) -> None:
    assert zoo["page"]() == zoo["PAGE"].read_text(), "docs/zoo.md is out of date. try: make zoo"


def test_the_page_has_every_recipe_once(zoo: Any) -> None:
    rows = [line.split(" | ")[0] for line in zoo["page"]().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(f"| `{name}`" for name in zoo["recipes"](Registry()))


def test_a_row_has_the_size_the_published_score_ours_and_the_speed(zoo: Any) -> None:
    recipe = Recipe.load("cifar10-resnet-hinge")
    known = {"identity": zoo["identity"](recipe), "g": 1234, "d": 56, "seconds_per_step": 0.0123}
    row = zoo["row"]("a", recipe, {"a": known}, {"a": "14.6 ± 0.8 FD(x) (n=3)"})
    assert row[0] == "`a`"
    assert row[2] == "[1802.05957](https://arxiv.org/abs/1802.05957)"
    assert row[3:5] == ["1,234", "56"]
    assert row[5].startswith("fid 16.77 ± 0.04 (inception, 50,000 generated, 50,000 real, train")
    assert row[6:] == ["14.6 ± 0.8 FD(x) (n=3)", "0.0123", "20 min"]  # of 100,000 steps


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(8.26, "8.3 s"), (99, "99 s"), (100, "1.7 min"), (5900, "98 min"), (6001, "1.7 h")],
)
def test_a_duration_has_two_digits(seconds: float, words: str, zoo: Any) -> None:
    assert zoo["duration"](seconds) == words


def test_a_measurement_of_other_settings_does_not_count(zoo: Any) -> None:
    wider = Recipe.load("digits-dcgan-hinge", {"generator.width": 65})
    same = Recipe.load("digits-dcgan-hinge", {"train.steps": 9, "seed": 3, "eval.samples": 9})
    own = Recipe.load("digits-dcgan-hinge")
    known = {"identity": zoo["identity"](own), "g": 1, "d": 2, "seconds_per_step": 0.1}
    assert zoo["row"]("a", same, {"a": known}, {})[3] == "1"
    for recipe, measured in ((wider, {"a": known}), (own, {})):
        row = zoo["row"]("a", recipe, measured, {})
        assert row[3:5] == ["not measured"] * 2
        assert row[6:] == ["not measured"] * 3


@pytest.mark.parametrize("name", ["digits-dcgan-hinge", "cifar10-resnet-hinge", "gaussians-mlp"])
def test_the_measured_sizes_are_those_of_the_networks(name: str, zoo: Any) -> None:
    known = json.loads(zoo["MEASURED"].read_text())[name]
    sizes = zoo["parameters"](Recipe.load(name), Registry())
    assert sizes == {"g": known["g"], "d": known["d"]}


def test_the_published_sngan_has_the_size_of_mimicrys(zoo: Any) -> None:
    facts = json.loads((Path(__file__).parent / "zoo" / "networks.json").read_text())
    mimicry = facts["mimicry/sngan_32"]
    known = json.loads(zoo["MEASURED"].read_text())["cifar10-resnet-hinge"]
    assert [known["g"], known["d"]] == [mimicry[side]["parameters"] for side in "GD"]
