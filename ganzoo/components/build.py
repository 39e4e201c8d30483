"""Plan → `Components`: build the live objects of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.api import Augmentation, Dataset, Latent, Loss, SampleSpec
from ganzoo.components.plan import ComponentPlan, Plan, Slot
from ganzoo.errors import (
    DataError,
    GanzooError,
    PluginError,
    RecipeError,
    failure,
    in_one_line,
    plugin_failures,
)
from ganzoo.registry.loading import conformance_command, info_command


@dataclass
class RegularizerSlot:
    """A regularizer and the settings of its slot.

    It applies in every `every_steps`-th update of a player, weighted by ``weight * every_steps``:
    lazy regularization (StyleGAN2: Karras et al. 2020, arXiv:1912.04958, appendix B).
    """

    name: str
    component: Any
    weight: float
    every_steps: int

    def due(self, update: int) -> bool:
        """Return whether it applies in a player's `update`, counted from 0."""
        return update % self.every_steps == 0


@dataclass(frozen=True)
class Components:
    """The live components of a run. Networks are in training mode, on the CPU when new."""

    spec: SampleSpec
    dataset: Dataset
    generator: nn.Module
    discriminator: nn.Module
    latent: Latent
    loss: Loss
    regularizers: tuple[RegularizerSlot, ...]
    augmentation: Augmentation | None

    @property
    def networks(self) -> dict[str, nn.Module]:
        """G and D by role."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def latent_module(self) -> nn.Module | None:
        """The latent, if it is a module: it learns with G."""
        return self.latent if isinstance(self.latent, nn.Module) else None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """G, D and a latent that learns, by role."""
        latent = self.latent_module
        return self.networks | ({} if latent is None else {"latent": latent})

    def trained(self) -> dict[str, dict[str, nn.Parameter]]:
        """Return each player's trained parameters by name; a latent's are G's, as ``latent.NAME``.

        Those that do not require gradients, such as a pretrained part's, are left out.
        """
        named = {role: dict(network.named_parameters()) for role, network in self.networks.items()}
        if self.latent_module is not None:
            named["generator"] |= dict(self.latent_module.named_parameters("latent"))
        return {
            role: {name: each for name, each in parameters.items() if each.requires_grad}
            for role, parameters in named.items()
        }

    def stateful(self) -> dict[str, Any]:
        """Return slot → component, for components with a state that are no modules of the run."""
        named = {"loss": self.loss, "augmentation": self.augmentation, "latent": self.latent}
        named |= {f"regularizers.{slot.name}": slot.component for slot in self.regularizers}
        named = {name: part for name, part in named.items() if part is not self.latent_module}
        return {name: part for name, part in named.items() if hasattr(part, "state_dict")}

    def normed(self) -> str:
        """Return the networks with batch norm: ``""``, ``"G"``, ``"D"`` or ``"G and D"``."""
        networks = {"G": self.generator, "D": self.discriminator}
        found = [letter for letter, each in networks.items() if next(batch_norms(each), None)]
        return " and ".join(found)

    def game_parts(self) -> list[Any]:
        """Return the loss and the regularizers."""
        return [self.loss, *(slot.component for slot in self.regularizers)]


def capabilities(component: Any) -> frozenset[str]:
    """Return the capabilities that a live component declares."""
    return frozenset(getattr(component, "capabilities", ()))


def takes(network: nn.Module, name: str) -> bool:
    """Return whether a network's `forward` has a keyword-only argument of this name."""
    parameter = signature(network.forward).parameters.get(name)
    return parameter is not None and parameter.kind is parameter.KEYWORD_ONLY


def batch_multiple(discriminator: nn.Module) -> int:
    """Return what the number of rows of every batch of D must be a multiple of; 1: anything.

    Raises:
        ValueError: the attribute is not a whole number from 1 on.
    """
    multiple = getattr(discriminator, "batch_multiple", 1)
    if type(multiple) is not int or multiple < 1:
        raise ValueError(f"has batch_multiple {multiple!r}, not a whole number from 1 on")
    return multiple


def requirements(component: Any) -> dict[str, frozenset[str]]:
    """Return the capabilities that a loss or a regularizer requires, by role.

    `requires` is a set of words for D, or a mapping by role: ``{"generator": {"styles"}}``. A word
    alone stands for a set of one.
    """
    required = getattr(component, "requires", ())
    by_role = required if isinstance(required, Mapping) else {"discriminator": required}
    sets = {role: {each} if isinstance(each, str) else each for role, each in by_role.items()}
    return {role: frozenset(words) for role, words in sets.items() if words}


def batch_norms(network: nn.Module) -> Iterator[_BatchNorm]:
    """Yield every batch-norm layer of a network, subclasses included."""
    return (module for module in network.modules() if isinstance(module, _BatchNorm))


def build(plan: Plan) -> Components:
    """Build every component of a plan. Initial weights depend only on the recipe's seed.

    Raises:
        PluginError: a factory failed, or returned something else than such a component.
    """
    seed, parts, spec = plan.recipe.settings.seed, plan.components, plan.spec
    generator, latent = build_generator(parts, spec, seed)
    discriminator = _network(parts["discriminator",], spec, seed)
    augmentation = parts.get(("augmentation",))
    nodes = plan.recipe.settings.regularizers
    regularizers = plan.group("regularizers").items()
    return Components(
        spec=spec,
        dataset=plan.dataset,
        generator=generator,
        discriminator=discriminator,
        latent=latent,
        loss=make(parts["loss",]),
        regularizers=tuple(
            RegularizerSlot(name, make(each), nodes[name].weight, nodes[name].every_steps)
            for name, each in regularizers
        ),
        augmentation=make(augmentation, spec) if augmentation else None,
    )


def build_generator(
    parts: Mapping[Slot, ComponentPlan], spec: SampleSpec, seed: int
) -> tuple[nn.Module, Latent]:
    """Make the generator and the latent of a plan's components: all that sampling needs.

    Raises:
        PluginError: a factory failed or made something that is no such component.
    """
    generator = _network(parts["generator",], spec, seed)
    dimension = _latent_dimension(parts["generator",], generator)
    component = parts["latent",]
    with initialised_from(seed, component.slot):
        latent = make(component, dimension)
    if isinstance(latent, nn.Module):
        latent.train()
        names = dict(generator.named_parameters())
        for name, _ in latent.named_parameters("latent"):
            if name in names:
                what = f"{component.id} learns as {name!r}, and G has a parameter of that name"
                raise PluginError(str(component.problem(what)), hint="rename one of them")
    return generator, latent


def reference_of(plan: Plan) -> Dataset:
    """Return the split of the data set that samples are scored against; errors as of `make`."""
    split = plan.recipe.settings.eval.reference
    return plan.dataset if split == "train" else make(plan.components["dataset",], split)


REQUIRED = {
    "dataset": ("spec", "__len__", "__getitem__"),
    "extractor": ("input_shape", "num_features", "layer", "weights_sha256"),
}
"""Kind → attributes that its components have; without one of them a run would fail much later."""


def make(component: ComponentPlan, *arguments: Any) -> Any:
    """Call a component's factory with the engine's arguments and the recipe's parameters.

    Raises:
        RecipeError: the factory refused its parameters (ValueError, TypeError).
        DataError: the factory raised it.
        PluginError: the factory failed in another way, or what it made lacks an attribute.

    Each names the component's position in the recipe and quotes the factory.
    """
    hint = info_command(component.registration)
    try:
        made = component.build(*arguments)
    except DataError as error:
        raise DataError(str(component.problem(error.message)), hint=error.hint or hint) from error
    except PluginError as error:
        raise PluginError(str(component.problem(error.message)), hint=error.hint or hint) from error
    except GanzooError:
        raise
    except (ValueError, TypeError) as error:
        what = f"{component.id} cannot be made: {in_one_line(error)}"
        raise RecipeError([component.problem(what)], hint=hint) from error
    except Exception as error:
        what = f"{component.id} failed to be made: {failure(error)}"
        raise PluginError(str(component.problem(what)), hint=hint) from error
    kind = component.registration.kind
    missing = [name for name in REQUIRED.get(kind, ()) if not hasattr(made, name)]
    if missing:
        what = f"{component.id} has no {', '.join(missing)}, which every {kind} needs"
        raise PluginError(
            str(component.problem(what)), hint="define it in the class, as docs/plugins.md shows"
        )
    return made


def blaming(component: ComponentPlan, where: str) -> AbstractContextManager[None]:
    """Raise an error inside as a PluginError that names the component and its place."""
    return plugin_failures(lambda what: component_error(component, f"failed {where}: {what}"))


def blaming_modality(spec: SampleSpec, method: str) -> AbstractContextManager[None]:
    """Raise an error inside as a PluginError that names the modality and the method."""
    failed = f"modality {spec.modality!r} failed in {method}"
    hint = f"ganzoo conformance {spec.modality} --kind modality"
    return plugin_failures(lambda what: PluginError(f"{failed}: {what}", hint=hint))


def component_error(component: ComponentPlan, what: str) -> PluginError:
    """Return an error about a component, with the place where the recipe names it."""
    hint = info_command(component.registration)
    return PluginError(str(component.problem(f"{component.id} {what}")), hint=hint)


def contract_error(component: ComponentPlan, what: str) -> PluginError:
    """Return an error about the contract of a component's kind, with its place in the recipe."""
    hint = conformance_command(component.registration)
    return PluginError(str(component.problem(what)), hint=hint)


def _network(component: ComponentPlan, spec: SampleSpec, seed: int) -> nn.Module:
    with initialised_from(seed, component.slot):
        network = make(component, spec)
    if not isinstance(network, nn.Module):
        what = f"{component.id} made a {type(network).__name__}, not an nn.Module"
        raise contract_error(component, what)
    network.train()  # which a network may override, to keep a pretrained part in eval mode
    return network


@contextmanager
def initialised_from(seed: int, slot: Slot) -> Iterator[None]:
    """Seed torch's default generator from (seed, slot) within the block; restore it afterwards."""
    digest = sha256(f"{seed}/init/{'.'.join(slot)}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        yield


def _latent_dimension(component: ComponentPlan, generator: nn.Module) -> int:
    dimension = getattr(generator, "latent_dim", None)
    if not isinstance(dimension, int):
        raise contract_error(component, f"{component.id} has no attribute latent_dim (an integer)")
    return dimension
