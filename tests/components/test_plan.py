"""Recipe → plan: parameters, fit, paths, the lock."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganzoo.api import Registration
from ganzoo.components.build import build, make
from ganzoo.components.plan import ComponentPlan, Plan
from ganzoo.components.planner import make_plan
from ganzoo.errors import DataError, PluginError, Problem, RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import write_lock
from ganzoo.registry.registry import Registry
from ganzoo.training.assemble import make_optimizers, make_run_schedules
from ganzoo.training.dry_run import dry_run

RECIPE = {
    "recipe": 1,
    "dataset": {"use": "digits"},
    "generator": {"use": "dcgan", "width": 8},
    "discriminator": {"use": "dcgan", "width": 8},
    "loss": "hinge",
    "train": {"steps": 10},
}


MLP = {"generator": "mlp", "discriminator": "mlp"}


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
    train = {"samples": 1000, "batch_size": 32, "discriminator_steps": 2}
    assert plan(tmp_path, train=train).budget.steps == 16


def test_a_budget_in_samples_counts_those_of_g_where_d_is_never_trained(tmp_path: Path) -> None:
    train = {"samples": 960, "batch_size": 32, "discriminator_steps": 0, "generator_steps": 3}
    assert plan(tmp_path, train=train).budget.steps == 10


def test_the_latent_of_sampling_is_a_component_like_any_other(tmp_path: Path) -> None:
    made = plan(tmp_path, eval={"latent": {"use": "gaussian"}})
    assert made.components["eval", "latent"].id == "zoo/gaussian"
    assert made.lock()["lock"]["components"]["eval.latent"]["id"] == "zoo/gaussian"
    with pytest.raises(RecipeError, match=r"eval.latent  .*no latent 'gausian'"):
        plan(tmp_path, eval={"latent": "gausian"})


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
        ({"eval": {"metrics": ["modes"]}}, "zoo/modes is for vector, but the data is image 1x8x8"),
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
        (
            {"generator": {"use": "dcgan", "conditional": True}},
            "wants labels, but the recipe is not",
        ),
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
        dry_run(plan(tmp_path, **changes))


def test_labels_that_a_head_rules_out_are_not_blamed_on_conditional(tmp_path: Path) -> None:
    head = {"use": "dcgan", "head": "classifier"}
    with pytest.raises(RecipeError, match="does not use labels") as caught:
        dry_run(plan(tmp_path, conditional=True, discriminator=head))
    assert caught.value.hint == "ganzoo info zoo/dcgan"


@pytest.mark.parametrize(
    ("critic", "hint"),
    [
        ("dcgan", "ganzoo info zoo/dcgan --kind discriminator"),  # its parameter `head` gives one
        ("mlp", "ganzoo list discriminators"),
    ],
)
def test_the_hint_for_a_missing_head_is_the_discriminator_if_it_can_have_one(
    tmp_path: Path, critic: str, hint: str
) -> None:
    changes: dict[str, Any] = {"discriminator": critic, "regularizers": {"rotation": {}}}
    with pytest.raises(RecipeError, match="needs a discriminator with zoo/rotation") as caught:
        dry_run(plan(tmp_path, **changes))
    assert caught.value.hint == hint


BY_CLASS = """
    from ganzoo.api import hookimpl


    @hookimpl
    def register_losses(register):
        register("by-class", "ganzoo_acme:ByClass", summary="logits weighted by the labels")


    class ByClass:
        capabilities = frozenset({"conditional"})

        def discriminator(self, game):
            return {"real": -(game.real_logits * game.labels).mean()}

        def generator(self, game):
            return {"fake": -(game.fake_logits * game.fake_labels).mean()}
"""


def test_a_loss_that_uses_labels_needs_a_conditional_recipe_and_no_conditional_d(
    tmp_path: Path, install_plugin: Any
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": BY_CLASS}, acme="ganzoo_acme")
    by_class = {"loss": "acme/by-class", "discriminator": {"use": "dcgan", "conditional": False}}
    dry_run(plan(tmp_path, conditional=True, **by_class))
    said = r"mine.yaml:\d+:1  loss  acme/by-class wants labels, but the recipe is not conditional"
    with pytest.raises(RecipeError, match=said):
        dry_run(plan(tmp_path, **by_class))


def test_a_factorys_own_refusal_is_quoted(tmp_path: Path) -> None:
    both = {"use": "dcgan", "spectral_norm": True, "batch_norm": True}
    said = r"mine.yaml:7:1  discriminator  zoo/dcgan cannot be made: .*choose one"
    with pytest.raises(RecipeError, match=said) as raised:
        dry_run(plan(tmp_path, discriminator=both))
    assert raised.value.hint == "ganzoo info zoo/dcgan"


def test_unknown_ids_and_wrong_parameters_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        plan(tmp_path, loss="hing", generator={"use": "dcgan", "widht": 8})
    assert [problem.path for problem in raised.value.problems] == ["generator.widht", "loss"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("optimizers.both.lrr", "optimizers.both has no number 'lrr' - did you mean 'lr'?"),
        ("optimizers.both.betas", "no number 'betas' - did you mean 'beta1' or 'beta2'?"),
        ("optimizers.both.beta3", "no number 'beta3' - did you mean 'beta"),
        ("regularizers.r1.gama", "regularizers.r1 has no number 'gama' - did you mean 'gamma'?"),
        (
            "optimisers.both.lr",
            "is not the path of a number, such as optimizers.both.lr - did you mean",
        ),
        ("regularizers.r2.gamma", "did you mean 'regularizers.r1.gamma'?"),
        ("generator.width", "built with 'width', a whole number: it cannot be scheduled"),
        ("generator.temperature", "generator has no number 'temperature'"),
        ("dataset.split", "nothing called 'dataset' has numbers that can be scheduled"),
    ],
)
def test_a_schedule_of_no_number_is_told_in_its_line(tmp_path: Path, key: str, said: str) -> None:
    schedules = {key: {"use": "linear", "end_samples": 100}}
    with pytest.raises(RecipeError) as raised:
        plan(tmp_path, schedules=schedules, regularizers={"r1": {}})
    (problem,) = raised.value.problems
    assert (problem.line, problem.path) == (14, f"schedules.{key}")
    assert said in problem.what


@pytest.mark.parametrize(
    ("key", "schedule", "said"),
    [
        ("optimizers.both.lr", {"use": "linear", "end": -0.5}, "must be more than 0.0 (after 100 "),
        ("optimizers.discriminator.beta2", {"use": "linear", "end": 2.0}, "must be less than 1.0"),
        ("regularizers.r1.gamma", {"use": "cosine", "end": -1.0}, "must be at least 0.0"),
        ("train.clip_grad_norm", {"use": "linear", "end": -1.0}, "must be more than 0.0"),
        ("optimizers.both.lr", {"use": "linear", "end": 0.0}, ""),
        ("optimizers.both.lr", {"use": "linear", "end": -0.5, "end_samples": 9999}, ""),
        ("regularizers.r1.weight", {"use": "linear", "end": -1.0}, ""),
    ],
)
def test_a_schedule_stays_in_the_range_of_its_number(
    tmp_path: Path, key: str, schedule: dict[str, Any], said: str
) -> None:
    parts = {
        "schedules": {key: {"end_samples": 100, **schedule}},
        "regularizers": {"r1": {}},
        "train": {"steps": 50, "batch_size": 4, "clip_grad_norm": 1.0},
    }
    if not said:
        dry_run(plan(tmp_path, **parts))
        return
    with pytest.raises(RecipeError) as raised:
        dry_run(plan(tmp_path, **parts))
    (problem,) = raised.value.problems
    assert problem.path == f"schedules.{key}"
    assert said in problem.what


def test_the_range_of_a_side_with_its_own_schedule_does_not_bound_that_of_both(
    tmp_path: Path,
) -> None:
    rising = {"use": "linear", "end": 1.5, "end_samples": 100}
    schedules = {
        "optimizers.both.beta2": rising,
        "optimizers.generator.beta2": {"use": "constant"},
    }
    optimizers = {"generator": {"betas": [0.0, 0.9]}, "discriminator": {"betas": [0.0, 0.5]}}
    train = {"steps": 50, "batch_size": 4}
    dry_run(plan(tmp_path, schedules=schedules, optimizers=optimizers, train=train))
    del schedules["optimizers.generator.beta2"]
    with pytest.raises(RecipeError, match="must be less than 1"):
        dry_run(plan(tmp_path, schedules=schedules, optimizers=optimizers, train=train))


def test_what_a_side_schedules_for_itself_is_left_alone_by_both(tmp_path: Path) -> None:
    scheduled = {
        "optimizers.generator.lr": {"use": "linear", "start": 0.5, "end_samples": 100},
        "optimizers.both.lr": {"use": "linear", "start": 0.1, "end_samples": 100},
    }
    made = plan(tmp_path, schedules=scheduled)
    parts = build(made)
    optimizers = make_optimizers(made, parts.trained())
    for knob in make_run_schedules(made, parts, optimizers):
        knob.apply(0)
    rates = {role: each.param_groups[0]["lr"] for role, each in optimizers.items()}
    assert rates == pytest.approx({"generator": 1e-4, "discriminator": 2e-5})


class Failing:
    def __init__(self, spec: object, *, error: str = "") -> None:
        raise {"data": DataError, "value": ValueError, "key": KeyError}[error]("no\nsuch")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("data", DataError, "a.yaml:7:3  loss  no\nsuch"),
        ("value", RecipeError, "a.yaml:7:3  loss  acme/failing cannot be made: no such"),
        ("key", PluginError, "a.yaml:7:3  loss  acme/failing failed to be made: KeyError: 'no"),
    ],
)
def test_an_error_of_a_factory_has_the_place_of_its_component(
    error: str, kind: type[Exception], said: str
) -> None:
    component = ComponentPlan(
        ("loss",),
        Registration("loss", "acme", "failing", "m:f", "d", "1"),
        Failing,
        {"error": error},
        {},
        Problem("a.yaml", 7, 3, "loss", ""),
    )
    with pytest.raises(kind) as raised:
        make(component, None)
    assert str(raised.value).startswith(said)


class Half:
    """A data set without a length, or an extractor that does not say of what layer it is."""

    spec = input_shape = num_features = weights_sha256 = None

    def __getitem__(self, index: int) -> None: ...


@pytest.mark.parametrize(("kind", "missing"), [("dataset", "__len__"), ("extractor", "layer")])
def test_a_component_that_lacks_an_attribute_is_refused_when_it_is_made(
    kind: str, missing: str
) -> None:
    component = ComponentPlan(
        (kind,),
        Registration(kind, "acme", "half", "m:f", "d", "1"),
        Half,
        {},
        {},
        Problem("a.yaml", 7, 3, kind, ""),
    )
    said = f"a.yaml:7:3  {kind}  acme/half has no {missing}, which every {kind} needs"
    with pytest.raises(PluginError, match=re.escape(said)):
        make(component)


def test_a_metric_without_an_extractor_is_refused(tmp_path: Path) -> None:
    said = r"eval.metrics.0  needs a score, and there is no extractor"
    with pytest.raises(RecipeError, match=said):
        plan(tmp_path, eval={"extractor": None, "metrics": ["modes"]})


def test_an_extractor_made_for_other_data_is_noted(tmp_path: Path) -> None:
    notes = plan(tmp_path, dataset={"use": "gaussians"}, eval={"extractor": "pixels"}, **MLP).notes
    assert notes == ()
    (note,) = plan(tmp_path, eval={"extractor": "pixels"}).notes
    assert note.startswith("pixels was trained on gaussians: scores of digits")


def test_a_lock_leaves_nothing_open_and_is_itself_a_recipe(tmp_path: Path) -> None:
    rehearsed = dry_run(plan(tmp_path))
    lock = rehearsed.lock()
    assert lock["generator"]["latent_dim"] == 100
    assert lock["train"]["memory_format"] in ("contiguous", "channels_last")
    assert lock["train"]["save_every_steps"] == 1
    write_lock(tmp_path / "mine.lock.yaml", lock)
    registry = Registry()
    again = make_plan(Recipe.load(tmp_path / "mine.lock.yaml", (), registry), registry)
    assert again.lock() == lock
