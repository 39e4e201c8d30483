"""Parameter groups of a recipe against torch's own, made by hand."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from ganzoo.components.build import build
from ganzoo.components.groups import WrongGroups, parameter_groups
from ganzoo.errors import RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import write_lock
from ganzoo.recipes.schema import Group
from ganzoo.training.assemble import make_optimizers, make_run_schedules
from ganzoo.training.dry_run import dry_run

from .recipes import small_plan

GROUPS: dict[str, Any] = {
    "first": {"match": "convolutions.0.*", "lr_factor": 0.01},
    "no_decay": {"match": ["*.bias", "norms.*"], "weight_decay": 0.0},
}
ADAM = {"use": "adam", "lr": 1e-2, "betas": [0.5, 0.9], "weight_decay": 0.1}


def grouped(**more: Any) -> dict[str, Any]:
    return {"optimizers.generator": ADAM | {"groups": GROUPS}} | more


def test_groups_train_as_those_of_a_hand_made_optimizer(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, grouped())
    ours = build(plan).generator
    theirs = deepcopy(ours)
    first = [theirs.convolutions[0].weight]
    norms = list(theirs.norms.parameters())
    rest = [theirs.convolutions[1].weight, theirs.image.weight]
    by_hand = torch.optim.Adam(
        [
            {"params": first, "lr": 1e-4},
            {"params": norms, "weight_decay": 0.0},
            {"params": rest},
        ],
        lr=1e-2,
        betas=(0.5, 0.9),
        weight_decay=0.1,
        fused=True,
    )
    optimizer = make_optimizers(plan, {"generator": dict(ours.named_parameters())})["generator"]
    z = torch.randn(8, 8)
    for _ in range(3):
        for network, each in ((ours, optimizer), (theirs, by_hand)):
            each.zero_grad()
            torch.autograd.backward(network(z).square().mean())
            each.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_without_groups_there_is_one_group_of_all_parameters(tmp_path: Path) -> None:
    plan = small_plan(tmp_path)
    parts = build(plan)
    optimizer = make_optimizers(plan, parts.trained())["generator"]
    (group,) = optimizer.param_groups
    assert group["params"] == list(parts.generator.parameters())
    assert "own" not in group


@pytest.mark.parametrize("absolute", [False, True])
def test_a_schedule_moves_every_group_with_its_factor(tmp_path: Path, absolute: bool) -> None:
    linear = {"use": "linear", "start": 0.5, "end": 0.5, "end_samples": 100, "absolute": absolute}
    schedules = {"optimizers.generator.lr": linear, "optimizers.generator.weight_decay": linear}
    plan = small_plan(tmp_path, grouped(schedules=schedules))
    parts = build(plan)
    optimizers = make_optimizers(plan, parts.trained())
    for knob in make_run_schedules(plan, parts, optimizers):
        knob.apply(0)
    lr, decay = (0.5, 0.5) if absolute else (0.5 * 1e-2, 0.5 * 0.1)
    groups = optimizers["generator"].param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.01 * lr, lr, lr])
    assert [group["weight_decay"] for group in groups] == pytest.approx([decay, decay, 0.0])


def test_a_parameter_in_two_groups_takes_each_option_from_the_group_that_sets_it() -> None:
    weight, bias = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    groups = {
        "mapping": Group(match="mapping.*", lr_factor=0.01),
        "biases": Group(match="*.bias", weight_decay=0.0),
    }
    named = {"mapping.weight": weight, "mapping.bias": bias}
    for order in (groups, dict(reversed(groups.items()))):
        first, second = parameter_groups(named, order, "generator")
        assert (first.parameters, first.own) == ([weight], {"lr_factor": 0.01})
        assert (second.parameters, second.own) == (
            [bias],
            {"lr_factor": 0.01, "weight_decay": 0.0},
        )


def test_a_weight_under_spectral_norm_keeps_its_own_name() -> None:
    layer = parametrizations.spectral_norm(nn.Linear(2, 2))
    groups = {"weights": Group(match="0.weight", lr_factor=2.0)}
    named = dict(nn.Sequential(layer).named_parameters())
    found = {each.own.get("lr_factor"): each for each in parameter_groups(named, groups, "D")}
    assert found[2.0].parameters == [layer.parametrizations.weight.original]
    assert found[None].parameters == [layer.bias]


@pytest.mark.parametrize(
    ("group", "path", "said"),
    [
        (Group(match="maping.*", lr_factor=1), "match", "generator - did you mean 'mapping.*'?"),
        (Group(match="qqq", lr_factor=1), "match", "named such as 'mapping.0.weight'"),
        (Group(match=(), lr_factor=1), "match", "no pattern: give one, such as 'mapping.0.weight'"),
        (Group(match="*", lr_factor=2), "lr_factor", "is 2, but 'mapping.0.weight' is also in"),
        (Group(match="*"), "", "sets nothing: give lr_factor or weight_decay"),
    ],
)
def test_an_invalid_group_is_reported_with_its_place_in_the_recipe(
    group: Group, path: str, said: str
) -> None:
    named = {"mapping.0.weight": nn.Parameter(torch.zeros(1))}
    known = Group(match="mapping.*", lr_factor=0.5)
    with pytest.raises(WrongGroups) as raised:
        parameter_groups(named, {"known": known, "mine": group}, "generator")
    ((place, what),) = raised.value.found
    assert place == (("mine", path) if path else ("mine",))
    assert said in what


def test_a_check_finds_every_pattern_that_matches_nothing(tmp_path: Path) -> None:
    groups = {"a": {"match": "convolution.*", "lr_factor": 2}, "b": {"match": "x", "lr_factor": 2}}
    with pytest.raises(RecipeError) as raised:
        dry_run(small_plan(tmp_path, {"optimizers.both.groups": groups}))
    found = {problem.path: problem.what for problem in raised.value.problems}
    assert "did you mean 'convolutions.*'?" in str(raised.value)
    assert "of the generator" in str(raised.value)
    assert "of the discriminator" in str(raised.value)
    assert found.keys() == {"optimizers.both.groups.a.match", "optimizers.both.groups.b.match"}


def test_an_optimizer_without_that_number_is_refused(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, grouped())

    class NoDecay(torch.optim.SGD):
        def __init__(self, params: Any, **numbers: Any) -> None:
            super().__init__(params, lr=0.1)
            for group in self.param_groups:
                del group["weight_decay"]

    object.__setattr__(plan.components["optimizers", "generator"], "factory", NoDecay)
    with pytest.raises(RecipeError, match="zoo/adam keeps no 'weight_decay' in its groups"):
        dry_run(plan)


def test_an_optimizer_that_merges_its_groups_is_refused(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, grouped())

    def merged(params: Any, **numbers: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD([each for group in params for each in group["params"]], lr=0.1)

    object.__setattr__(plan.components["optimizers", "generator"], "factory", merged)
    with pytest.raises(RecipeError, match="does not keep the parameter groups"):
        dry_run(plan)


def test_a_lock_keeps_the_groups(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, grouped())
    write_lock(tmp_path / "recipe.lock.yaml", plan.lock())
    again = Recipe.load(tmp_path / "recipe.lock.yaml", (), plan.registry)
    ours, theirs = again.settings.optimizers, plan.recipe.settings.optimizers
    assert ours.generator.groups == theirs.generator.groups
    assert theirs.generator.groups["no_decay"].match == ("*.bias", "norms.*")
    assert ours.discriminator.groups == {}
