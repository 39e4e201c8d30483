"""Each check of registrations and signatures fails on its own fault only."""

from typing import Any

import pytest

from ganzoo.api import NonNegativeFloat, PositiveInt
from ganzoo.registry.registry import Registry
from ganzoo.testing.outcomes import FAILED
from ganzoo.testing.suite import trials


class Constant:
    """A schedule; nothing is wrong with it."""

    def __init__(self, *, value: NonNegativeFloat = 1.0, pair: tuple[int, int] = (1, 2)) -> None:
        self.value = value

    def __call__(self, samples_seen: int) -> float:
        return self.value


class Swallowing(Constant):
    def __init__(self, **rest: Any) -> None:
        super().__init__()


class Positional(Constant):
    def __init__(self, value: float = 1.0) -> None:
        super().__init__()


class Untyped(Constant):
    def __init__(self, *, value=1.0) -> None:  # type: ignore[no-untyped-def]
        super().__init__()


class Strange:
    """No type that JSON has."""


class OfStrangeType(Constant):
    def __init__(self, *, value: Strange | None = None) -> None:
        super().__init__()


class OutOfBounds(Constant):
    def __init__(self, *, width: PositiveInt = 0) -> None:
        super().__init__()


class OtherAfterwards(Constant):
    def __init__(self, *, sizes: Any = (1, 2)) -> None:
        super().__init__()


class NoJson(Constant):
    def __init__(self, *, sizes: Any = Strange()) -> None:  # noqa: B008 - the fault itself
        super().__init__()


class Failing(Constant):
    def __init__(self, *, value: float = 1.0) -> None:
        raise RuntimeError("no")


class Boasting(Constant):
    capabilities = frozenset({"unbounded"})


class Mistyped(Constant):
    capabilities = frozenset({"unbouned"})


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("unknown-refused", Swallowing),
        ("parameters", Positional),
        ("parameters", Untyped),
        ("parameters", OfStrangeType),
        ("defaults", OutOfBounds),
        ("json-round-trip", OtherAfterwards),
        ("json-round-trip", NoJson),
        ("builds", Failing),
        ("capabilities", Boasting),
        ("capabilities", Mistyped),
    ],
)
def test_a_component_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("schedule", factory) == {check}


def test_a_component_without_a_fault_fails_none(failed) -> None:
    assert failed("schedule", Constant) == set()
    able = frozenset({"unbounded"})
    assert failed("schedule", Boasting, capabilities=able) == set()


def test_a_component_without_a_summary_fails_that_alone(failed) -> None:
    assert failed("schedule", Constant, summary="  ") == {"summary"}


def test_a_module_without_parameters_of_its_own_accepts_none(failed) -> None:
    from torch import nn

    class Plain(nn.Module):
        def forward(self, samples_seen: int) -> float:
            return 1.0

    assert failed("schedule", Plain) == set()


def test_a_check_that_could_not_be_reached_says_which_one_failed(judge) -> None:
    judged = judge("schedule", Untyped)
    assert [judged[name].outcome for name in ("defaults", "builds", "values")] == ["skipped"] * 3
    assert judged["values"].message == "parameters failed"


def test_the_plugins_own_error_is_quoted_with_the_line_that_raised_it(judge) -> None:
    message = judge("schedule", Failing)["builds"].message
    assert message.startswith(
        "expected no error, got RuntimeError: no (test_registration_checks.py:"
    )


def test_a_misspelt_capability_is_answered_with_the_nearest_one(judge) -> None:
    message = judge("schedule", Mistyped)["capabilities"].message
    assert "'unbouned' - did you mean 'unbounded'?" in message


# --- what needs a distribution -------------------------------------------------------------------

SCHEDULE = """
    class Constant:
        def __call__(self, samples_seen):
            return 1.0
"""
PLUGIN = """
    {first}
    from ganzoo.api import hookimpl

    @hookimpl
    def register_schedules(register):
        register("constant", "ganzoo_acme_parts:{target}", summary="1 for ever")
"""


def failures(pattern: str) -> set[str]:
    outcomes = [trial.outcome() for trial in trials(pattern, registry=Registry(["acme"]))]
    return {each.check for each in outcomes if each.outcome == FAILED}


@pytest.mark.parametrize(
    ("first", "target", "faults"),
    [
        ("", "Constant", set()),
        ("import torch", "Constant", {"lazy-import"}),
        ("", "Konstant", {"target"}),
    ],
)
def test_a_plugin_that_imports_torch_or_lacks_its_target_fails_that_alone(
    install_plugin, first: str, target: str, faults: set[str]
) -> None:
    modules = {
        "ganzoo_acme": PLUGIN.format(first=first, target=target),
        "ganzoo_acme_parts": SCHEDULE,
        "torch.py": "",  # the process that looks for torch need not wait for it
    }
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert failures("acme/*") == faults


RECIPES = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_recipes(register):
        register("good", "ganzoo_acme:good.yaml")
        register("bad", "ganzoo_acme:bad.yaml")
        register("far", "ganzoo_acme:far.yaml")
"""
BASE = "recipe: 1\nextends: digits-dcgan-hinge\ntrain: {steps: 4, batch_size: 4}\n"


@pytest.mark.slow
def test_a_packaged_recipe_must_pass_ganzoo_check(install_plugin) -> None:
    modules = {
        "ganzoo_acme/__init__.py": RECIPES,
        "ganzoo_acme/good.yaml": BASE,
        "ganzoo_acme/bad.yaml": BASE + "generator: {width: 4, widht: 8}\n",
        "ganzoo_acme/far.yaml": BASE + "dataset: cifar10\n",
    }
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    outcomes = {
        trial.component.registration.name: trial.outcome()
        for trial in trials("acme/*", registry=Registry(["acme", "zoo"]))
        if trial.check.name == "recipe-check"
    }
    ends = {name: outcome.outcome for name, outcome in outcomes.items()}
    assert ends == {"good": "passed", "bad": "failed", "far": "skipped"}
    assert "generator.widht  unknown parameter - did you mean 'width'?" in outcomes["bad"].message
    assert outcomes["far"].message.endswith("(try: ganzoo fetch cifar10)")
