"""Checks of both networks, and how the kit calls a network."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import captured, difference, require_declared

BATCH = 4
ROUNDING = 1e-4

Inputs = tuple[Tensor, Tensor | None]


def inputs(case: Case, network: nn.Module, batch: int = BATCH, seed: int = 1) -> Inputs:
    """Return latents or samples, and labels where the network is conditional: always the same."""
    random = torch.Generator().manual_seed(seed)
    if case.component.kind == "generator":
        latent_dim: Any = network.latent_dim
        x = torch.randn(batch, latent_dim, generator=random)
    else:
        x = samples(case.spec, batch, random)
    if "conditional" not in case.capabilities:
        return x, None
    return x, torch.arange(batch) % max(case.spec.classes, 1)


def samples(spec: SampleSpec, count: int, random: torch.Generator) -> Tensor:
    """Return random samples in model form, (count, *model_shape)."""
    if spec.modality == "text":
        assert spec.vocabulary is not None
        tokens = torch.randint(spec.vocabulary, (count, *spec.shape), generator=random)
        return one_hot(tokens, spec.vocabulary).float()
    if spec.modality == "vector":
        return torch.randn(count, *spec.model_shape, generator=random)
    return torch.rand(count, *spec.model_shape, generator=random) * 2 - 1


def answers(network: nn.Module, given: Inputs, seed: int = 2) -> dict[str, Tensor]:
    """Return everything that a network returns, by name; what it draws is drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return named(network(*given))


def named(output: Any) -> dict[str, Tensor]:
    """Return the tensors of a network's output by name."""
    if isinstance(output, DiscriminatorOutput):
        fields = {"logits": output.logits, "class_logits": output.class_logits}
        fields |= {f"features[{index}]": each for index, each in enumerate(output.features)}
        fields |= {f"extra[{name!r}]": each for name, each in output.extra.items()}
        return {name: each for name, each in fields.items() if each is not None}
    return {"outputs": output}


def perturbed(network: nn.Module, seed: int = 3) -> nn.Module:
    """Move every parameter by a tenth of its size, off whatever symmetry it started from."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            size = parameter.square().mean().sqrt()
            noise = torch.randn(parameter.shape, generator=random)
            parameter.add_(0.1 * noise * torch.where(size > 0, size, 1.0))
    return network


def trained(case: Case, seed: int = 0) -> nn.Module:
    """Return a network whose buffers have seen one batch in training mode, in eval mode."""
    network: nn.Module = case.make(seed=seed)
    with torch.no_grad():
        answers(network, inputs(case, network))
    return network.eval()


def touched(case: Case, *, training: bool) -> str | None:
    """Return how the first row changes when all other rows do; None where it does not."""
    network, found = trained(case).train(training), []
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for seed in (1, 9):
        (first, y), (others, _) = inputs(case, network), inputs(case, network, seed=seed)
        network.load_state_dict(before)
        with torch.no_grad():
            rows = answers(network, (torch.cat([first[:1], others[1:]]), y))
        found.append({name: values[:1] for name, values in rows.items()})
    return difference(found[0], found[1], ROUNDING)


@case_check("form", every_size=True)
def finite(case: Case) -> None:
    """What a new network returns is finite, in training and in eval mode."""
    network = case.make()
    for mode in ("training", "eval"):
        with torch.no_grad():
            found = answers(network.train(mode == "training"), inputs(case, network))
        for name, values in found.items():
            if not values.isfinite().all():
                raise Failed(
                    f"finite {name} in {mode} mode",
                    f"{int((~values.isfinite()).sum())} of {values.numel()} that are not",
                    "look for a division by zero, a logarithm, or too large an initialisation",
                )


@case_check("finite")
def batch_of_one(case: Case) -> None:
    """In eval mode a batch may hold a single sample, and what is said of it is finite."""
    network = trained(case)
    expected = "an answer to a batch of one sample in eval mode"
    advice = "let nothing depend on how large the batch is"
    with torch.no_grad(), expecting(expected, advice), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is wrong with the values, which are looked at
        found = answers(network, inputs(case, network, batch=1))
    for name, values in found.items():
        if not values.isfinite().all():
            raise Failed(
                f"finite {name} for one sample",
                f"{int((~values.isfinite()).sum())} of {values.numel()} that are not",
                f"{advice}: std(0, correction=0), not std(0)",
            )
        if not len(values) == 1:
            raise Failed(
                f"one row of {name} for one sample",
                str(len(values)),
                "keep the batch axis: no squeeze() without an axis",
            )


@case_check("form")
def gradients(case: Case) -> None:
    """Every parameter gets a gradient from the sum of all that the network returns."""
    network = perturbed(case.make())
    random = torch.Generator().manual_seed(4)
    found = answers(network, inputs(case, network))
    weighted = [
        (values * torch.randn(values.shape, generator=random)).sum()
        for values in found.values()
        if values.is_floating_point()
    ]
    torch.autograd.backward(torch.stack(weighted).sum())
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    if without:
        raise Failed(
            "a gradient for every parameter",
            f"none for {', '.join(without)}",
            "use them in forward, do not detach what they make, or leave them out",
        )


@case_check("form")
def labels_matter(case: Case) -> None:
    """Other labels give another answer, where the network says that it is conditional.

    In eval mode, with every parameter moved off its initial value.
    """
    if "conditional" not in case.capabilities:
        raise Exempt("is not conditional")
    network = perturbed(trained(case))
    x, y = inputs(case, network)
    assert y is not None
    with torch.no_grad():
        before = answers(network, (x, y))
        after = answers(network, (x, (y + 1) % case.spec.classes))
    finite_ones = any(values.isfinite().any() for values in before.values())
    if finite_ones and difference(before, after) is None:
        raise Failed(
            "another answer to other labels",
            "the same",
            "use y in forward, or leave out the capability 'conditional'",
        )


@case_check("form")
def deep_copy(case: Case) -> None:
    """A deep copy says the same and shares no parameter: the moving average of G is one."""
    network = trained(case)
    advice = "compute tensors in forward; keep only parameters and buffers"
    with expecting("a network that copy.deepcopy can copy", advice):
        copied = copy.deepcopy(network)
    with torch.no_grad():
        found = difference(
            answers(network, inputs(case, network)), answers(copied, inputs(case, copied))
        )
    if found:
        raise Failed("a copy that says the same", found, "keep all state in parameters and buffers")
    kept = {parameter.data_ptr() for parameter in network.parameters()}
    shared = [name for name, each in copied.named_parameters() if each.data_ptr() in kept]
    if shared:
        raise Failed(
            "a copy with parameters of its own",
            f"one that shares {', '.join(shared)}",
            "leave copying to copy.deepcopy: no __deepcopy__ of your own",
        )


@case_check("form")
def state_dict(case: Case) -> None:
    """A state dict, loaded strictly into a network of another seed, makes it say the same."""
    network, restored = trained(case), case.make(seed=5).eval()
    advice = "make the same parameters and buffers whatever the seed, and none while it runs"
    with expecting("a state dict that a new network takes strictly", advice):
        restored.load_state_dict(network.state_dict(), strict=True)
    given = inputs(case, network)
    with torch.no_grad():
        found = difference(answers(network, given), answers(restored, given))
    if found:
        raise Failed(
            "the same answer from a network restored from its state dict",
            found,
            "keep what changes in parameters and in persistent buffers",
        )


@case_check("form")
def same_seed(case: Case) -> None:
    """Two networks from the same seed of torch say the same, in training mode."""
    first, second = case.make(seed=6), case.make(seed=6)
    with torch.no_grad():
        found = difference(
            answers(first, inputs(case, first)), answers(second, inputs(case, second))
        )
    if found:
        raise Failed(
            "the same answer from the same seed",
            found,
            "draw random numbers from torch alone, from no seed of your own",
        )


@case_check("form")
def bf16_autocast(case: Case) -> None:
    """Under bfloat16 autocast the network runs, and what was finite stays so."""
    network = case.make()
    given = inputs(case, network)
    with torch.no_grad():
        expected = answers(network, given)
        advice = "bring tensors to one dtype before they meet: x.to(h.dtype)"
        with torch.autocast("cpu", torch.bfloat16), expecting("an answer in bfloat16", advice):
            found = answers(network, given)
    for name, values in expected.items():
        lost = values.isfinite() & ~found[name].isfinite()
        if lost.any():
            raise Failed(
                f"finite {name} under bfloat16 autocast",
                f"{int(lost.sum())} of {values.numel()} that are not",
                "compute what needs range or precision in float32",
            )


@case_check("form")
def graph_safe(case: Case) -> None:
    """One that declares ``graph-safe`` does the same for all values of tensors.

    A GPU then plays its updates as a captured graph.
    """
    require_declared(case)
    network = case.make()
    given = inputs(case, network)
    with captured(), torch.no_grad():
        answers(network.train(), given)


BOTH_NETWORKS = (
    finite,
    batch_of_one,
    gradients,
    labels_matter,
    deep_copy,
    state_dict,
    same_seed,
    bf16_autocast,
    graph_safe,
)
