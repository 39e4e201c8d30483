"""Each method of `methods/` trains, resumes bit for bit, exports and passes the conformance kit.

A method is a file for ``ganzoo run --plugin`` with its recipe beside it. The file may set SPECS,
PARAMETERS and FAILURES (specs, parameters and expected_failures of `ganzoo.testing.conformance`),
and EXPORT: part of the error that says why its generator has no `torch.export` program.
"""

import math
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.api import PluginError
from ganzoo.cli import main
from ganzoo.testing import conformance

METHODS = {file.stem: file for file in sorted((Path(__file__).parent / "methods").glob("*.py"))}
FACTS = {name: runpy.run_path(str(file)) for name, file in METHODS.items()}
SETTINGS = {"specs": "SPECS", "parameters": "PARAMETERS", "expected_failures": "FAILURES"}

for name, facts in FACTS.items():
    given = {word: facts[constant] for word, constant in SETTINGS.items() if constant in facts}
    globals()[f"test_{name}_conforms"] = conformance("local/*", plugin=METHODS[name], **given)

each_method = pytest.mark.parametrize("name", METHODS)


def train(name: str, runs: Path, steps: int) -> Any:
    """Train a method's recipe for some steps; return the run."""
    recipe, file = METHODS[name].with_suffix(".yaml"), METHODS[name]
    words = [f"train.steps={steps}", "train.log_every_steps=1", "--plugin", file]
    assert main([str(word) for word in ("run", recipe, *words, "--runs-dir", runs)]) == 0
    return ganzoo.load("last", runs)


def assert_finite(run: Any, steps: int) -> None:
    """Every term of every step is a finite number, and every weight of G."""
    rows = run.directory.metrics()
    assert [row["step"] for row in rows] == list(range(1, steps + 1))
    terms = [value for row in rows for key, value in row.items() if key[:2] in ("d/", "g/")]
    assert terms
    assert all(map(math.isfinite, terms))
    assert all(weight.isfinite().all() for weight in run.generator.state_dict().values())


@each_method
def test_it_trains_for_three_steps(name: str, tmp_path: Path) -> None:
    assert_finite(train(name, tmp_path, 3), 3)


@pytest.mark.slow
@each_method
def test_ten_steps_and_ten_resumed_are_twenty_bit_for_bit(name: str, tmp_path: Path) -> None:
    straight = train(name, tmp_path / "straight", 20)
    assert_finite(straight, 20)
    half = train(name, tmp_path / "half", 10)
    resumed = ganzoo.resume(half.path, {"train.steps": 20})
    ours, theirs = state_of(straight), state_of(resumed)
    assert ours.keys() == theirs.keys()
    assert not [each for each in ours if ours[each] != theirs[each]]


def state_of(run: Any) -> dict[str, Any]:
    """Return the hashes of the last checkpoint's weights, and every value of its state."""
    saved = run.checkpoint(20)
    files = {file: about["sha256"] for file, about in saved.manifest["files"].items()}
    del files["state.pt"]  # equal values may be pickled differently
    return files | dict(leaves(torch.load(saved.file("state.pt"), weights_only=True)))


def leaves(value: Any, path: str = "state") -> Iterator[tuple[str, Any]]:
    """Yield each number, text and tensor of a nested value with its path."""
    if isinstance(value, dict | list | tuple):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, f"{path}.{key}")
    else:
        yield path, (value.dtype, value.tolist()) if isinstance(value, Tensor) else value


@pytest.mark.slow
@each_method
def test_its_generator_is_a_program_unless_it_says_why_not(name: str, tmp_path: Path) -> None:
    run = train(name, tmp_path, 3)
    if reason := FACTS[name].get("EXPORT"):
        with pytest.raises(PluginError, match=reason):
            run.export("program")
        return
    z = torch.randn(5, run.generator.latent_dim, generator=torch.Generator().manual_seed(0))
    y = []
    if condition := run.spec.condition:
        y = [condition.kind.random(condition, 5, torch.Generator().manual_seed(0))]
    elif run.plan.recipe.settings.conditional:
        y = [torch.arange(5) % run.spec.classes]
    program = torch.export.load(run.export("program")[0]).module()
    torch.testing.assert_close(program(z, *y), run.generator(z, *y))
