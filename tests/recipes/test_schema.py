"""Pass 2: types, ranges, defaults and unknown keys."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.errors import RecipeError
from ganzoo.recipes import Node, Recipe, Settings
from ganzoo.recipes.schema import OptimizerNode

Write = Callable[[str, str], Path]
WHOLE = """\
recipe: 1
dataset: digits
generator: dcgan
discriminator: dcgan
loss: hinge
"""


@pytest.fixture
def complaints(write: Write) -> Callable[[str], list[str]]:
    """What is wrong with a recipe that is whole but for `train`, with this appended as line 6."""

    def of(text: str) -> list[str]:
        train = "" if "train:" in text else "train: {steps: 1}\n"
        with pytest.raises(RecipeError) as caught:
            Recipe.load(write("a.yaml", WHOLE + text + "\n" + train))
        return [str(problem).removeprefix("a.yaml:") for problem in caught.value.problems]

    return of


def test_the_defaults_are_those_of_the_documentation(small: Path) -> None:
    settings = Recipe.load(small).settings
    train, evaluation = settings.train, settings.eval
    assert settings.latent == Node(use="gaussian")
    for node in (settings.optimizers.generator, settings.optimizers.discriminator):
        assert node == OptimizerNode(use="adam", parameters={"lr": 2e-4, "betas": [0.5, 0.999]})
    assert (settings.seed, settings.conditional, settings.labels) == (0, False, "data")
    assert (train.steps, train.samples, train.batch_size, train.keep) == (3000, None, 64, 2)
    assert (train.precision, train.memory_format, train.compile) == ("fp32", "auto", "auto")
    assert train.cuda_graphs == "auto"
    assert (train.ema, train.on_nonfinite, train.on_collapse) == (None, "stop", "warn")
    assert (train.log_every_steps, train.save_every_steps) == (50, None)
    assert (evaluation.samples, evaluation.final_samples, evaluation.extractor) == (
        5000,
        None,
        "auto",
    )
    assert (evaluation.reference, evaluation.metrics, evaluation.seed) == ("train", (), 0)
    assert (evaluation.sampling, evaluation.latent) == ({}, None)
    assert (train.discriminator_steps, train.generator_steps) == (1, 1)


def test_null_resets_the_latent_and_the_parameters_of_sampling(small: Path, write: Write) -> None:
    sampled = "eval: {latent: {use: uniform, low: -2.0}, sampling: {truncation: 0.7, psi: null}}\n"
    write("parent.yaml", small.read_text() + sampled)
    scores = Recipe.load(write("same.yaml", "recipe: 1\nextends: parent.yaml\n")).settings.eval
    assert scores.latent == Node(use="uniform", parameters={"low": -2.0})
    assert scores.sampling == {"truncation": 0.7, "psi": None}
    child = "recipe: 1\nextends: parent.yaml\neval: {latent: null, sampling: null}\n"
    scores = Recipe.load(write("reset.yaml", child)).settings.eval
    assert (scores.latent, scores.sampling) == (None, {})


def test_the_example_recipe_is_read(write: Write) -> None:
    text = """\
        recipe: 1
        name: digits-resnet-hinge
        seed: 0
        dataset: digits
        generator: {use: resnet, width: 64}
        discriminator: {use: resnet, width: 64, spectral_norm: true}
        loss: hinge
        regularizers:
          r1: {gamma: 0.1, every_steps: 16}
        optimizers:
          both: {use: adam, lr: 2e-4, betas: [0, 0.9]}
          discriminator: {lr: 4e-4}
        train: {steps: 3000, save_every_steps: 500, ema: {half_life_samples: 10000}}
        eval: {every_steps: 500, samples: 599, metrics: [kid, {use: modes, n: 3}]}
        init: {generator: runs/last}
        """
    settings = Recipe.load(write("a.yaml", text)).settings
    assert settings.generator == Node(use="resnet", parameters={"width": 64})
    assert settings.optimizers.generator.parameters == {"lr": 2e-4, "betas": [0, 0.9]}
    assert settings.optimizers.discriminator.parameters == {"lr": 4e-4, "betas": [0, 0.9]}
    assert settings.regularizers["r1"].parameters == {"gamma": 0.1}
    assert settings.regularizers["r1"].every_steps == 16
    assert settings.train.ema is not None
    assert settings.train.ema.half_life_samples == 10000
    assert settings.eval.metrics == (Node(use="kid"), Node(use="modes", parameters={"n": 3}))
    assert settings.init.generator == "runs/last"


def test_a_player_with_another_optimizer_takes_nothing_from_both_with_a_note(
    small: Path, write: Write
) -> None:
    more = "optimizers: {both: {lr: 1e-3}, discriminator: {use: sgd}}\n"
    recipe = Recipe.load(write("a.yaml", small.read_text() + more))
    assert recipe.settings.optimizers.discriminator == OptimizerNode(use="sgd")
    assert recipe.notes == (
        "a.yaml:7  optimizers.discriminator  is 'sgd'; settings of both that do not apply: lr",
    )


def test_everything_that_is_missing_is_reported(write: Write) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(write("a.yaml", "seed: 1\n"))
    assert [problem.path for problem in caught.value.problems] == [
        "dataset", "discriminator", "generator", "loss", "recipe", "train",
    ]  # fmt: skip


def test_all_problems_are_reported_at_once_sorted_by_line(
    complaints: Callable[[str], list[str]],
) -> None:
    text = """\
genrator: resnet
batch_size: 3
train:
  steps: 1e5
  batch_size: 0
  keep: many
  memory_format: chanels_last
  deterministic: yes
  ema: {half_life: 3}
"""
    assert complaints(text) == [
        "6:1  genrator  unknown key - did you mean 'generator'?",
        "7:1  batch_size  unknown key - did you mean 'train.batch_size'?",
        "9:3  train.steps  expected an integer, got 100000.0 - write 100000",
        "10:3  train.batch_size  0 must be at least 1",
        "11:3  train.keep  expected an integer, got 'many'",
        "12:3  train.memory_format  expected 'auto', 'contiguous' or 'channels_last',"
        " got 'chanels_last' - did you mean 'channels_last'?",
        "13:3  train.deterministic  expected true or false, got 'yes' - write true",
        "14:9  train.ema.half_life  unknown key - did you mean 'half_life_samples'?",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("train: {keep: 2}", "6:1  train  needs a budget: `steps` or `samples`"),
        (
            "train: {steps: 1, samples: 1}",
            "6:19  train.samples  is a second budget beside `steps`: keep one",
        ),
        ("train: 5", "6:1  train  expected a mapping, got 5"),
        ("train: null", "6:1  train  expected a mapping, got null"),
        ("train: {steps: null, keep: 1}", "6:1  train  needs a budget"),
        ("train: {steps: 1, keep: 1}", "6:19  train.keep  1 must be at least 2"),
        ("train: {steps: true}", "6:9  train.steps  expected an integer, got true"),
        (
            "train: {steps: '1_000'}",
            "6:9  train.steps  expected an integer, got '1_000' - write 1000",
        ),
        ("train: {steps: 1.5}", "6:9  train.steps  expected an integer, got 1.5"),
        (
            "train: {steps: 1, clip_grad_norm: 0}",
            "6:19  train.clip_grad_norm  0 must be more than 0",
        ),
        ("train: {steps: 1, cuda_graphs: 1}", "6:19  train.cuda_graphs  expected 'auto', true or"),
        ("train: {steps: 1, compile: 1}", "6:19  train.compile  expected 'auto', true or false"),
        ("name: a/b", "6:1  name  'a/b' is not a valid run name"),
        ("name: ..", "6:1  name  '..' is not a valid run name"),
        ("name: 7", "6:1  name  expected text, got 7 - put it in quotes: '7'"),
        ("seed: -1", "6:1  seed  -1 must be at least 0"),
        ("latent: 3", "6:1  latent  expected the name of a latent or a mapping with `use`, got 3"),
        ("latent: {use: 3}", "6:10  latent.use  expected the name of a latent, got 3"),
        ("augmentation: {p: 1}", "6:1  augmentation  does not say which augmentation: give `use`"),
        ("regularizers: [r1]", "6:1  regularizers  expected a mapping, got a list"),
        (
            "regularizers: {r1: {weight: x}}",
            "6:21  regularizers.r1.weight  expected a number, got 'x'",
        ),
        ("regularizers: {r1: {every_steps: 0}}", "6:21  regularizers.r1.every_steps  0 must be"),
        ("regularizers: {a b: {use: r1}}", "6:16  regularizers.a b  a key here is one word"),
        ("optimizers: adam", "6:1  optimizers  expected a mapping, got 'adam'"),
        ("optimizers: {bth: adam}", "6:14  optimizers.bth  unknown key - did you mean 'both'?"),
        ("optimizers: {both: 3}", "6:14  optimizers.both  expected the name of an optimizer"),
        (
            "optimizers: {both: {use: 3}}",
            "6:14  optimizers.both  expected the name of an optimizer",
        ),
        ("schedules: {lr: linear}", "6:13  schedules.lr  is not the path of a number"),
        ("eval: {metrics: kid}", "6:8  eval.metrics  expected a list, got 'kid'"),
        ("eval: {metrics: [3]}", "6:18  eval.metrics.0  expected the name of a metric"),
        ("eval: {extractor: {use: auto, k: 1}}", "6:8  eval.extractor  `auto` has no parameters"),
        ("published: {metric: fid}", "6:1  published.source  is required"),
        ("reproduced: [1]", "6:1  reproduced  expected true, false, or a mapping of facts"),
        ("reproduced: {a: {b: 1}}", "6:1  reproduced  expected true, false, or a mapping of facts"),
        ("init: {generator: 3}", "6:8  init.generator  expected text, got 3"),
        ("lock: {}", "6:1  lock  unknown key"),
    ],
)
def test_a_mistake_is_reported_in_plain_words(
    complaints: Callable[[str], list[str]], text: str, complaint: str
) -> None:
    assert complaints(text)[0].startswith(complaint)


def test_null_for_the_extractor_means_no_score(small: Path, write: Write) -> None:
    path = write("a.yaml", small.read_text() + "eval: {extractor: null}\n")
    recipe = Recipe.load(path)
    assert recipe.settings.eval.extractor is None
    assert recipe.data["eval"] == {"extractor": None}
    assert Recipe.load(path, ["eval.extractor=toy-cnn"]).settings.eval.extractor == Node(
        use="toy-cnn"
    )


def test_a_removed_slot_is_absent_from_the_data_and_has_its_default(
    small: Path, write: Write
) -> None:
    more = "latent: null\nregularizers: {r1: null}\naugmentation: null\n"
    recipe = Recipe.load(write("a.yaml", small.read_text() + more))
    assert recipe.data["regularizers"] == {}
    assert not {"latent", "augmentation"} & set(recipe.data)
    assert recipe.settings.latent == Node(use="gaussian")


def test_a_file_name_that_cannot_name_a_run_needs_a_name(small: Path, write: Write) -> None:
    path = write("my run (1).yaml", small.read_text())
    with pytest.raises(RecipeError, match=r"did you mean 'my-run-1'\?"):
        Recipe.load(path)
    assert Recipe.load(path, ["name=mine"]).name == "mine"


def test_a_removed_required_component_is_reported_where_it_was_removed(
    small: Path, write: Write
) -> None:
    write("a.yaml", "recipe: 1\nextends: small.yaml\n\nloss: null\n")
    with pytest.raises(RecipeError) as caught:
        Recipe.load("a.yaml")
    assert str(caught.value) == "a.yaml:4:1  loss  is required - such as `loss: hinge`"


def test_a_problem_of_a_later_pass_is_located_at_the_closest_written_key(small: Path) -> None:
    recipe = Recipe.load("small.yaml", ["generator.depth=3"])
    assert str(recipe.problem(("generator", "width"), "x")) == "small.yaml:3:25  generator.width  x"
    assert str(recipe.problem(("discriminator", "width"), "x")).startswith("small.yaml:4:1  ")
    assert str(recipe.problem(("generator", "depth"), "x")).startswith(
        "command line  generator.depth"
    )
    assert str(recipe.problem((), "x")) == "small.yaml:1:1  x"


def test_settings_cannot_be_changed(small: Path) -> None:
    settings: Settings = Recipe.load(small).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        "losss: hinge",
        "train: {steps: many}",
        "train: {steps: 5, samples: 5}",
        "train: []",
        "eval: {metrics: [{use: 3}, modes]}",
        "optimizers: {both: {use: [1]}}",
        "generator: 7",
        "regularizers: {r1: [2]}",
    ],
)
def test_a_wrong_recipe_leaves_a_partial_recipe_for_later_passes(
    tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"recipe: 1\nseed: 3\ndiscriminator: dcgn\n{wrong}\n")
    with pytest.raises(RecipeError) as caught:
        Recipe.load(tmp_path / "a.yaml")
    partial = caught.value.partial
    assert isinstance(partial, Recipe)
    assert partial.seed == 3
    assert partial.settings.discriminator.use == "dcgn"
