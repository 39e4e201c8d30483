"""Recipe → plan: parameters, fit, paths, the lock."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ganzoo.build.plan import Plan
from ganzoo.build.planner import make_plan
from ganzoo.engine.rehearsal import rehearse
from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.recipes.lock import write_lock
from ganzoo.recipes.recipe import Recipe
from ganzoo.registry.registry import Registry

RECIPE = {
    "recipe": 1,
    "dataset": {"use": "digits"},
    "generator": {"use": "dcgan", "width": 8},
    "discriminator": {"use": "dcgan", "width": 8},
    "loss": "hinge",
    "train": {"steps": 10},
}


def plan(folder: Path, **changes: Any) -> Plan:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(RECIPE | changes, sort_keys=False))
    registry = Registry()
    return make_plan(Recipe.load(file, (), registry), registry)


def test_every_wrong_parameter_is_reported_at_once_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        plan(
            tmp_path,
            generator={"use": "dcgan", "widht": 8},
            discriminator={"use": "dcgan", "width": 0},
            optimizers={"both": {"lr": "fast"}},
        )
    said = str(raised.value)
    assert "mine.yaml:6:3  generator.widht  unknown parameter - did you mean 'width'?" in said
    assert "discriminator.width  0 must be more than 0" in said
    assert "lr  expected a number, got 'fast'" in said


def test_what_the_recipe_leaves_open_is_a_tenth_of_the_run(tmp_path: Path) -> None:
    budget = plan(tmp_path, train={"steps": 500}).budget
    assert (budget.save_every, budget.sample_every, budget.eval_every) == (50, 50, 50)


def test_a_budget_in_images_counts_those_that_d_sees(tmp_path: Path) -> None:
    train = {"images": 1000, "batch_size": 32, "discriminator_steps": 2}
    assert plan(tmp_path, train=train).budget.steps == 16


def test_the_data_sets_own_extractor_is_chosen(tmp_path: Path) -> None:
    extractor = plan(tmp_path).extractor
    assert extractor is not None
    assert extractor.id == "zoo/toy-cnn"


def test_data_without_an_extractor_trains_without_a_score_and_says_so(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "pictures" / "a.png")
    made = plan(tmp_path, dataset={"use": "folder", "path": "pictures", "size": 16})
    assert made.extractor is None
    assert made.notes[0].startswith("no score: ")


def test_a_relative_path_starts_at_the_file_that_holds_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path / "pictures")):
        plan(tmp_path, dataset={"use": "folder", "path": "pictures", "size": 16})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dataset": {"use": "gaussians"}}, "zoo/dcgan is for image, but the data is vector 2"),
        ({"eval": {"reference": "tset"}}, "no split 'tset' - did you mean 'test'?"),
    ],
)
def test_components_that_cannot_do_this_data_are_named(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said.replace("?", r"\?")):
        plan(tmp_path, **changes)


def test_a_conditional_recipe_makes_both_networks_conditional(tmp_path: Path) -> None:
    made = plan(tmp_path, conditional=True)
    assert made.components["generator",].parameters["conditional"] is True
    assert made.components["discriminator",].parameters["conditional"] is True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"generator": {"use": "dcgan", "conditional": True}}, "set `conditional: true`"),
        (
            {"conditional": True, "discriminator": {"use": "dcgan", "conditional": False}},
            "does not use labels",
        ),
        ({"train": {"steps": 1, "batch_size": 8, "micro_batch": 4}}, "batch-coupled"),
    ],
)
def test_a_dry_run_finds_what_does_not_fit(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        rehearse(plan(tmp_path, **changes))


def test_a_factorys_own_refusal_is_quoted(tmp_path: Path) -> None:
    both = {"use": "dcgan", "spectral_norm": True, "batch_norm": True}
    with pytest.raises(PluginError, match=r"discriminator: zoo/dcgan cannot be made: .*choose one"):
        rehearse(plan(tmp_path, discriminator=both))


def test_a_lock_leaves_nothing_open_and_is_itself_a_recipe(tmp_path: Path) -> None:
    rehearsed = rehearse(plan(tmp_path))
    lock = rehearsed.lock()
    assert lock["generator"]["latent_dim"] == 100
    assert lock["train"]["memory_format"] in ("contiguous", "channels_last")
    assert lock["train"]["save_every_steps"] == 1
    write_lock(tmp_path / "mine.lock.yaml", lock)
    registry = Registry()
    again = make_plan(Recipe.load(tmp_path / "mine.lock.yaml", (), registry), registry)
    assert again.lock() == lock
