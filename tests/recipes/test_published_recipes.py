"""Every shipped recipe with a published score can be compared with it: counts, split, extractor."""

import re
from pathlib import Path

import pytest

from ganzoo.modalities import modality
from ganzoo.recipes import Node, Recipe
from ganzoo.recipes.load import shipped_recipes
from ganzoo.registry.names import qualify
from ganzoo.registry.registry import Registry
from ganzoo.report.published import PublishedFigure
from ganzoo.report.verify import DISTANCES, Conditions

DOCS = [Path(__file__).parents[2] / "docs" / name for name in ("evaluation.md", "text.md")]
REGISTRY = Registry()
PUBLISHED = [name for name, file in shipped_recipes().items() if "\npublished:" in file.read_text()]


def extractor_of(recipe: Recipe) -> str | None:
    """Return the full id of the extractor that a recipe's scores will have."""
    chosen = recipe.settings.eval.extractor
    if isinstance(chosen, Node):
        return qualify(chosen.use)
    dataset = REGISTRY.get("dataset", recipe.settings.dataset.use)
    name = dataset.extractor or modality(*dataset.modalities).extractor
    return qualify(name) if chosen and name else None


def numbers_of(metric: str) -> set[str]:
    """Return the numbers of a metric that the docs list, without its abbreviations."""
    text = "".join(page.read_text() for page in DOCS)
    rows = re.findall(rf"^\| `{re.escape(metric)}` \| ([^|]*) \|", text, re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", rows[0])) if rows else set()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_is_scored_as_its_published_score_was(name: str) -> None:
    recipe = Recipe.load(name)
    settings, evaluation = recipe.settings, recipe.settings.eval
    figure = PublishedFigure.of(name, settings.published.model_dump(), settings.reproduced)
    n_fake = evaluation.final_samples or evaluation.samples
    here = Conditions(extractor_of(recipe), n_fake, figure.n_real, evaluation.reference)
    assert here.conflict(figure) is None
    if figure.metric not in DISTANCES:
        metrics = [each.use.removeprefix("zoo/") for each in evaluation.metrics]
        assert figure.metric in set().union(*map(numbers_of, metrics))


@pytest.mark.parametrize("name", [each for each in shipped_recipes() if "cifar10" in each])
def test_a_recipe_with_published_settings_has_the_published_score_and_its_paper(name: str) -> None:
    settings = Recipe.load(name).settings
    assert settings.dataset.use == "cifar10"
    assert settings.paper
    assert settings.published
    assert settings.published.select


# mimicry's README at a7fda06: FID of 50,000 generated and 50,000 training images after 100,000
# steps, by the Inception of 2015. Of these, only what the recipes say is compared.
MIMICRY = {
    "cifar10-resnet-hinge": (16.77, 0.04),
    "cifar10-resnet-conditional": (10.84, 0.03),
    "cifar10-resnet-wgan-gp": (22.29, 0.06),
    "ssgan-cifar10": (14.65, 0.04),
    "infomax-gan-cifar10": (15.12, 0.10),
}


@pytest.mark.parametrize("name", MIMICRY)
def test_the_recipes_of_mimicry_have_its_settings_and_scores(name: str) -> None:
    settings = Recipe.load(name).settings
    published, train = settings.published, settings.train
    assert (published.value, published.standard_error) == MIMICRY[name]
    assert (published.n_fake, published.n_real, published.select) == (50_000, 50_000, "final")
    assert (train.steps, train.batch_size, train.discriminator_steps) == (100_000, 64, 5)
    lr = settings.schedules["optimizers.both.lr"].parameters
    assert (lr["end"], lr["end_samples"]) == (0.0, 100_000 * 64 * 5)
    for player in (settings.optimizers.generator, settings.optimizers.discriminator):
        assert (player.parameters["lr"], player.parameters["betas"]) == (2e-4, [0.0, 0.9])
    assert settings.train.ema is None


# StudioGAN's tables at 947b35e: FID of the best checkpoint of a run of 100,000 steps, of 50,000
# generated and 50,000 training images; of BigGAN-deep 10,000 generated and 10,000 test images.
STUDIOGAN = {
    "sngan-cifar10": 9.01,
    "projgan-cifar10": 31.54,
    "acgan-cifar10": 33.39,
    "tacgan-cifar10": 29.51,
    "sagan-cifar10": 10.35,
    "biggan-cifar10": 4.16,
    "biggan-deep-cifar10": 11.50,
    "contragan-cifar10": 6.01,
    "reacgan-cifar10": 3.87,
    "mhgan-cifar10": 3.95,
    "adcgan-cifar10": 3.93,
}


@pytest.mark.parametrize("name", STUDIOGAN)
def test_the_conditional_recipes_of_studiogan_have_its_settings_and_scores(name: str) -> None:
    settings = Recipe.load(name).settings
    published, train = settings.published, settings.train
    assert (published.value, published.select) == (STUDIOGAN[name], "best")
    assert settings.conditional
    assert (train.steps, train.discriminator_steps) == (100_000, 5)
    wide = name == "reacgan-cifar10"
    assert train.batch_size == (128 if wide else 64)
    for player in (settings.optimizers.generator, settings.optimizers.discriminator):
        assert player.parameters["lr"] == (2.83e-4 if wide else 2e-4)
        assert (player.parameters["betas"], player.parameters["eps"]) == ([0.5, 0.999], 1e-6)
    if train.ema:  # 0.9999 per step
        steps = train.ema.half_life_samples / (train.batch_size * train.discriminator_steps)
        assert 0.5 ** (1 / steps) == pytest.approx(0.9999, abs=1e-7)
    assert (train.ema is None) == (
        name.split("-")[0] in {"sngan", "projgan", "acgan", "tacgan", "sagan"}
    )
