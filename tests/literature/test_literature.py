"""Each method of `methods/` trains, resumes bit for bit, exports and passes the conformance kit.

A method is a file for ``ganzoo run --plugin`` with its recipe beside it. It may set SPECS, LATENTS,
PARAMETERS and EXPECTED_FAILURES (arguments of `ganzoo.testing.conformance`), and EXPORT: part of
the error that says why its generator has no `torch.export` program.
"""

import inspect
import math
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.api import PluginError
from ganzoo.testing import conformance

from .runs import FACTS, METHODS, inputs, state, terms, train

ARGUMENTS = ("specs", "latents", "parameters", "expected_failures")

each_method = pytest.mark.parametrize("name", METHODS)


def conforms(name: str) -> Callable[..., None]:
    """Return the test of every check of a method's components; "not checked" counts as failed."""
    facts = FACTS[name]
    given = {word: facts[word.upper()] for word in ARGUMENTS if word.upper() in facts}
    check = conformance("local/*", plugin=METHODS[name], **given)

    @wraps(check)
    def checked(trial: Any) -> None:
        try:
            check(trial)
        except pytest.skip.Exception as skipped:
            if "not checked" in str(skipped):
                pytest.fail(str(skipped))
            raise

    return checked


globals().update({f"test_{name}_conforms": conforms(name) for name in METHODS})


def assert_finite(run: Any, steps: int) -> None:
    """Every term of every step is a finite number, and every weight of G."""
    played = terms(run)
    assert len(played) == steps
    assert all(map(math.isfinite, [term for each in played for term in each.values()]))
    assert all(played)
    assert all(weight.isfinite().all() for weight in run.generator.state_dict().values())


@each_method
def test_it_trains_for_three_steps(name: str, tmp_path: Path) -> None:
    assert_finite(train(name, tmp_path, 3), 3)


@pytest.fixture(scope="module")
def twenty_steps(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Return a function that trains a method for 20 steps, once."""
    return cache(lambda name: train(name, tmp_path_factory.mktemp(name), 20))


@pytest.mark.slow
@each_method
def test_ten_steps_and_ten_resumed_steps_equal_twenty_bit_for_bit(
    name: str, tmp_path: Path, twenty_steps: Callable[[str], Any]
) -> None:
    straight, half = twenty_steps(name), train(name, tmp_path, 10)
    assert_finite(straight, 20)
    ours, theirs = state(straight), state(ganzoo.resume(half.path, {"train.steps": 20}))
    assert ours.keys() == theirs.keys()
    assert not [each for each in ours if ours[each] != theirs[each]]


@pytest.mark.slow
@each_method
def test_its_generator_is_exported_as_a_program_unless_a_reason_is_given(
    name: str, twenty_steps: Callable[[str], Any]
) -> None:
    run = twenty_steps(name)
    if reason := FACTS[name].get("EXPORT"):
        with pytest.raises(PluginError, match=reason):
            run.export("program")
        return
    given, network = inputs(run), run.generator
    samples = torch.export.load(run.export("program")[0]).module()(*given)
    if "noise" in inspect.signature(network.forward).parameters:
        assert samples.shape == (5, *run.spec.model_shape)  # the program draws its own noise
        assert samples.isfinite().all()
    else:
        torch.testing.assert_close(samples, network(*given))
