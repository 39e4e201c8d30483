"""Checks of how a trained generator is sampled: its parameters, its preparation, its program."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ganzoo.api import SamplingInputs
from ganzoo.components.parameters import WrongParameters, validated
from ganzoo.components.sampling_parameters import sampling_model
from ganzoo.components.signature import parameter_values
from ganzoo.errors import PluginError
from ganzoo.sampling.program import program_of
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.inputs import BATCH, inputs, labels_for, outputs, perturbed, trained
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import ROUNDING, difference, require_finite, require_same
from ganzoo.testing.registrations import check_defaults


@case_check("batch-of-one", "inputs-alone")
def exports(case: Case) -> None:
    """In eval mode torch.export can export it as a program for any number of latents."""
    network = trained(case)
    given = inputs(case, network)
    program = follow(lambda: program_of(network, given.x, given.y))
    given = inputs(case, network, batch=2 * BATCH)
    with torch.no_grad():
        before = {"outputs": given.into(network)}
        after = {"outputs": program(*(each for each in given[:2] if each is not None))}
    if given.keywords or "internal-noise" in case.capabilities:  # the program has its own noise
        before, after = ({"shape": torch.tensor(each["outputs"].shape)} for each in (before, after))
    advice = "compute everything that depends on the batch from z and y"
    require_same(before, after, "the same samples from the program", advice, ROUNDING)


def follow(export: Callable[[], torch.export.ExportedProgram]) -> Any:
    """Return an exported program as a module; raise `Failed` if torch cannot follow the code."""
    try:
        return export().module()
    except PluginError as error:
        got, _, advice = error.message.partition(": ")[2].partition(" - ")
        advice = advice or "use operations that torch.export can follow"
        expected = "a program for batches of any size (ganzoo export)"
        raise Failed(expected, got, advice) from error.__cause__


@case_check("finite")
def sampling_parameters(case: Case) -> None:
    """Sampling parameters have types and valid defaults, and change samples that stay finite."""
    network = trained(case)
    try:
        model = sampling_model(case.component.registration.id, network.forward)
    except PluginError as error:
        expected = "sampling parameters of forward, each with a type and a default"
        raise Failed(expected, error.message, str(error.hint)) from error
    if not model.model_fields:
        raise Exempt("has no sampling parameters")
    check_defaults(model)
    network = prepared(case, perturbed(network))
    given = inputs(case, network)
    with torch.no_grad():
        before = outputs(network, given)
        for field in model.model_fields.values():
            name = str(field.alias)
            values = [*_other_values(model, name, field)]
            changed = not values
            for value in values:
                after = outputs(network, given.having(**{name: value}))
                advice = f"allow only values that work, such as {name}: PositiveFloat = 1.0"
                require_finite(f"samples with {name}={value!r}", after["outputs"], advice)
                changed |= difference(before, after) is not None
            if not changed:
                tried = " or ".join(f"{value!r}" for value in values)
                raise Failed(
                    f"samples that depend on {name}",
                    f"the same for {tried} as for {field.default!r}",
                    "use it in forward, or remove it",
                )


def _other_values(model: Any, name: str, field: Any) -> Iterator[Any]:
    """Yield values of a sampling parameter that its type allows, besides its default."""
    default = field.default
    known = [default / 2, default + 1] if isinstance(default, float | int) else []
    for value in dict.fromkeys((*known, 0.5, 1, 2, True, False, *_literals(field.annotation))):
        try:
            checked = validated(model, {name: json.loads(json.dumps(value, default=str))})
        except WrongParameters:
            continue
        if (made := parameter_values(checked)[name]) != default:
            yield made


def _literals(annotation: Any) -> list[Any]:
    """Return the values of a Literal, or of those in a union."""
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    nested = [value for each in arguments for value in _literals(each)]
    return nested or [each for each in arguments if isinstance(each, str | int | float)]


@case_check("state-dict", "deep-copy")
def prepare_sampling(case: Case) -> None:
    """prepare_sampling gives finite samples, the same each time, and changes only its own copy.

    The state dict of the prepared network loads strictly and has all that it computed.
    """
    network = trained(case)
    if not hasattr(network, "prepare_sampling"):
        raise Exempt("has no method prepare_sampling")
    kept = copy.deepcopy(network.state_dict())
    first, again = (prepared(case, copy.deepcopy(network), seed) for seed in (7, 8))
    given = inputs(case, network)
    with torch.no_grad():
        before, after = outputs(first, given), outputs(again, given)
    require_finite("samples after prepare_sampling", before["outputs"], "avoid 0/0")
    advice = "take what is random from draw(count), which repeats its inputs"
    require_same(before, after, "the same samples from two copies that are prepared", advice)
    advice = "keep no tensor that copies share, such as one in a class attribute"
    require_same(kept, network.state_dict(), "a network that its copy leaves as it is", advice)
    restored, advice = case.make(seed=5).eval(), "keep what it computes in buffers of __init__"
    with expecting("a state dict that loads strictly into a new network", advice):
        restored.load_state_dict(first.state_dict(), strict=True)
    with torch.no_grad():
        after = outputs(restored, given)
    expected = "the same samples from a new network with the state of the prepared one"
    require_same(before, after, expected, advice)


def prepared(case: Case, network: nn.Module, seed: int = 0) -> nn.Module:
    """Call a network's `prepare_sampling`, if it has one, as the engine does; return the network.

    Args:
        seed: of torch's default generator.
    """
    found: Any = network
    if not hasattr(found, "prepare_sampling"):
        return network
    drawn = 0

    def draw(count: int) -> SamplingInputs:
        nonlocal drawn
        rows, drawn = Rows(drawn, count), drawn + count
        streams = RandomStreams(0)

        def normal(n: int, generator: torch.Generator) -> Tensor:
            return torch.randn(n, found.latent_dim, generator=generator)

        random = torch.Generator().manual_seed(rows.first)
        conditional = "conditional" in case.capabilities
        y = labels_for(case.spec, count, random) if conditional else None
        noise = BatchNoise(streams, "conformance", 0, rows)
        return SamplingInputs(streams.draw("latents", 0, rows, normal), y, noise)

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found.eval().prepare_sampling(draw)
    return network.eval()
