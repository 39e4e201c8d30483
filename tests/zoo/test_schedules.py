"""Schedules at points where their values are known."""

import math

import pytest
from ganzoo_zoo.schedules.ramps import Cosine, Linear
from ganzoo_zoo.schedules.simple import Constant, Exponential
from ganzoo_zoo.schedules.stairs import Stairs
from ganzoo_zoo.schedules.warm_up import WarmUp

from ganzoo.recipes.load import Recipe

both = pytest.mark.parametrize("schedule", [Linear, Cosine])


@both
def test_a_schedule_is_constant_before_and_after_and_reaches_its_ends_exactly(
    schedule: type[Linear] | type[Cosine],
) -> None:
    value = schedule(start=0.2, end=0.9, begin_samples=1000, end_samples=4000)
    assert [value(images) for images in (0, 1000, 4000, 10**9)] == [0.2, 0.2, 0.9, 0.9]


def test_linear_is_a_straight_line() -> None:
    value = Linear(start=1.0, end=0.2, begin_samples=100, end_samples=500)
    assert [value(images) for images in (200, 300, 400)] == pytest.approx([0.8, 0.6, 0.4])


def test_cosine_is_half_a_cosine() -> None:
    value = Cosine(start=3.0, end=1.0, begin_samples=100, end_samples=500)
    expected = [2 + math.cos(math.pi * quarter / 4) for quarter in (1, 2, 3)]
    assert [value(images) for images in (200, 300, 400)] == pytest.approx(expected, rel=1e-12)


@both
def test_the_default_goes_from_one_to_zero_and_multiplies(
    schedule: type[Linear] | type[Cosine],
) -> None:
    value = schedule(end_samples=10)
    assert (value(0), value(5), value(10)) == (1.0, pytest.approx(0.5), 0.0)
    assert not value.absolute
    assert schedule(end_samples=10, absolute=True).absolute


@both
def test_an_end_that_is_not_after_the_beginning_is_refused(
    schedule: type[Linear] | type[Cosine],
) -> None:
    with pytest.raises(ValueError, match=r"end_samples \(50\) must be above begin_samples \(50\)"):
        schedule(begin_samples=50, end_samples=50)


@pytest.mark.parametrize(("recipe", "batch"), [("biggan-cifar10", 64), ("reacgan-cifar10", 128)])
def test_biggans_average_begins_at_step_1000_and_keeps_9999_parts_then(
    recipe: str, batch: int
) -> None:
    """StudioGAN's: before, the average is a copy of G; 5 updates of D a step."""
    settings = Recipe.load(recipe).data
    about = settings["schedules"]["train.ema.half_life_samples"]
    assert about.pop("use") == "linear"
    half_life, factor = settings["train"]["ema"]["half_life_samples"], Linear(**about)
    of_a_step = 5 * batch
    decay = [
        0.5 ** (of_a_step / (half_life * factor(step * of_a_step)))
        for step in (0, 999, 1000, 10**5)
    ]
    assert decay == pytest.approx([0.0, 0.0, 0.9999, 0.9999], abs=1e-8)


# Values of brownvc/R3GAN 19a7ddf, preset CIFAR10: all reach their ends at 20,000,000 images.
R3GAN = {
    "lr": (2e-4, 5e-5, 1.7803300859e-4),
    "beta2": (0.9, 0.99, 0.9131801948),
    "gamma": (0.05, 0.005, 0.0434099026),
    "augmentation": (0.0, 0.55, 0.0805456352),
    "half-life": (0.0, 5e6, 732_233.05),
}


@pytest.mark.parametrize("number", R3GAN)
def test_cosine_is_the_burn_in_of_r3gan(number: str) -> None:
    start, end, at_5_million = R3GAN[number]
    value = Cosine(start=start, end=end, end_samples=20_000_000, absolute=True)
    assert value(5_000_000) == pytest.approx(at_5_million, rel=1e-8)
    assert value(10_000_000) == pytest.approx((start + end) / 2)
    assert [value(images) for images in (0, 20_000_000, 30_000_000)] == [start, end, end]


def test_a_constant_is_one_number_that_multiplies_or_replaces() -> None:
    assert {Constant(value=0.3)(images) for images in (0, 7, 10**9)} == {0.3}
    assert not Constant().absolute
    assert Constant(absolute=True).absolute
    assert Constant()(5) == 1


def test_an_exponential_halves_after_each_half_life_down_to_its_end() -> None:
    value = Exponential(half_life_samples=100, begin_samples=50, end=0.2)
    times = (0, 50, 100, 150, 250, 10**9)
    expected = [1, 1, 0.5**0.5, 0.5, 0.25, 0.2]
    assert [value(images) for images in times] == pytest.approx(expected)


def test_a_warm_up_rises_to_one_and_stays_there() -> None:
    value = WarmUp(warm_up_samples=200)
    assert [value(images) for images in (0, 50, 200, 10**9)] == [0, 0.25, 1, 1]


def test_a_warm_up_may_fall_to_its_end() -> None:
    for fall, at_quarter in (("linear", 0.75), ("cosine", (1 + math.cos(math.pi / 4)) / 2)):
        value = WarmUp(warm_up_samples=200, fall=fall, end_samples=600, end=0.25)
        assert [value(images) for images in (100, 200, 600, 700)] == [0.5, 1, 0.25, 0.25]
        assert value(400) == pytest.approx(0.625)
        value = WarmUp(warm_up_samples=200, fall=fall, end_samples=600)
        assert value(300) == pytest.approx(at_quarter)


def test_a_fall_that_does_not_end_after_the_rise_is_refused() -> None:
    with pytest.raises(ValueError, match=r"end_samples \(200\) must be above warm_up_samples"):
        WarmUp(warm_up_samples=200, end_samples=200)


def test_stairs_stay_on_each_level_and_rise_to_the_next() -> None:
    value = Stairs(levels=2, stable_samples=100, fade_samples=50)
    at = {0: 0.0, 100: 0.0, 125: 0.5, 150: 1.0, 250: 1.0, 260: 1.2, 300: 2.0, 10**9: 2.0}
    assert [value(samples) for samples in at] == pytest.approx(list(at.values()))
    assert value.absolute
