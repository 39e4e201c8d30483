"""A component under test, and the cases that it is tried in: parameters and what is generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ganzoo.api import MODALITIES, DataError, Registration, SampleSpec
from ganzoo.components.build import capabilities, initialised_from
from ganzoo.components.parameters import WrongParameters, plan_component
from ganzoo.components.plan import ComponentPlan
from ganzoo.components.signature import parameter_model
from ganzoo.registry.registry import Registry
from ganzoo.runs.records import plain
from ganzoo.testing.outcomes import Failed, NotChecked, Outcome

Parameters = Mapping[str, Any]

SPECS = (
    SampleSpec("image", (1, 8, 8), classes=10),
    SampleSpec("image", (3, 12, 20), classes=3),
    SampleSpec("image", (3, 32, 32), classes=10),
    SampleSpec("vector", (2,), classes=8),
    SampleSpec("text", (12,), classes=2, vocabulary=7),
    SampleSpec("audio", (1, 64), classes=2, sample_rate=8000),
    SampleSpec("video", (4, 3, 16, 16), classes=2, frame_rate=8.0),
)
"""What every component that is given a spec is tried on, as far as its modalities go."""

SMALL = 1000
"""Numbers in a sample up to which every check is made; beyond, those of shapes and values."""

LATENT_DIMENSIONS = (1, 16, 100)

NOTHING: Parameters = MappingProxyType({})

TAKES_SPEC = frozenset({"generator", "discriminator", "augmentation"})
MAY_REFUSE = TAKES_SPEC | {"latent"}
"""Kinds that may refuse some of what they are tried on, by ValueError."""


@dataclass
class Component:
    """One registered component under test.

    Args:
        given: parameter sets to try beside the defaults (in their place, where the component has
            parameters without a default).
        specs: what to generate, beside `SPECS`.
    """

    registry: Registry
    registration: Registration
    given: Sequence[Parameters] = ()
    specs: Sequence[SampleSpec] = ()
    outcomes: dict[str, Outcome] = field(default_factory=dict, repr=False)
    """Of the checks made so far, by name."""

    def __str__(self) -> str:
        return f"{self.kind} {self.registration.id}"

    @property
    def kind(self) -> str:
        """The kind of component, such as ``generator``."""
        return self.registration.kind

    @cached_property
    def factory(self) -> Any:
        """The registered target, imported.

        Raises:
            PluginError: it cannot be imported, or is not there.
        """
        return self.registry.resolve(self.registration)

    @cached_property
    def model(self) -> Any:
        """The pydantic model of the recipe parameters.

        Raises:
            PluginError: the signature breaks the contract.
        """
        return parameter_model(self.kind, self.registration.id, self.factory)

    @cached_property
    def cases(self) -> list[Case]:
        """What the component is tried in: each of its parameter sets with each fitting argument.

        A spec (or dimension of z) that the factory refuses by ValueError is left out.

        Raises:
            NotChecked: required parameters were not given, or the data is not there.
            Failed: parameters that were given are wrong, or every spec is refused.
        """
        found = []
        for plan in self._plans():
            refused: list[str] = []
            fitting = [
                case
                for arguments in self._arguments()
                if (case := _tried(self, plan, arguments, refused))
            ]
            if not fitting:
                raise Failed(
                    "a component for at least one of those that it is tried on",
                    "a refusal of each: " + "; ".join(refused),
                    "register the modalities that it can do, or hand specs=[…] to conformance",
                )
            found += fitting
        return found

    @property
    def small_cases(self) -> list[Case]:
        """The cases whose samples are small, where there are such; what is slow is done on them."""
        return [case for case in self.cases if case.is_small] or self.cases

    def plan(self, parameters: Parameters, defaults: Parameters = NOTHING) -> ComponentPlan:
        """Return the component with parameters as a recipe would give them.

        Args:
            defaults: given where the factory has them and `parameters` says nothing.

        Raises:
            Failed: it has no such parameter, or does not take that value.
        """
        try:
            return plan_component(
                self.registry,
                self.registration,
                (self.kind,),
                plain(dict(parameters)),
                defaults=defaults,
            )
        except WrongParameters as wrong:
            what = "; ".join(f"{'.'.join(path)}: {words}" for path, words in wrong.found)
            given = ", ".join(f"{name}={value}" for name, value in parameters.items())
            raise Failed(
                f"the parameters {given} to be taken",
                what,
                f"ganzoo info {self.registration.id} lists what there is",
            ) from None

    def _plans(self) -> Iterator[ComponentPlan]:
        """Yield every parameter set, checked, once."""
        required = {f.alias for f in self.model.model_fields.values() if f.is_required()}
        sets = list(self.given) if required else [{}, *self.given]
        if not sets:
            names, id = sorted(required), self.registration.id
            values = " ".join(f"{name}=…" for name in names)
            raise NotChecked(
                f"{', '.join(names)} must be given (try: ganzoo conformance {id} {values}; "
                f'in a test: parameters={{"{id}": [{{"{names[0]}": …}}]}})'
            )
        seen: list[Any] = []
        for parameters in sets:
            for defaults in self._engine_defaults():
                plan = self.plan(parameters, defaults)
                if plan.plain not in seen:
                    seen.append(plan.plain)
                    yield plan

    def _engine_defaults(self) -> list[Parameters]:
        """Return what the engine gives by itself: a conditional recipe says so to both networks."""
        networks = self.kind in ("generator", "discriminator")
        return [{}, {"conditional": True}] if networks else [{}]

    def _arguments(self) -> list[tuple[Any, ...]]:
        """Return what the engine may pass by position."""
        registration = self.registration
        if self.kind in TAKES_SPEC:
            can = registration.modalities or frozenset(MODALITIES)
            return [(spec,) for spec in (*SPECS, *self.specs) if spec.modality in can]
        if self.kind == "latent":
            return [(dimension,) for dimension in LATENT_DIMENSIONS]
        if self.kind == "dataset":
            return [(split,) for split in registration.splits or ("train",)]
        return [()]


@dataclass(frozen=True)
class Case:
    """A component with its parameters and the engine's arguments: what a check is made on."""

    component: Component
    plan: ComponentPlan
    arguments: tuple[Any, ...]
    capabilities: frozenset[str] = frozenset()
    """What the instance says that it does."""

    @property
    def label(self) -> str:
        """The arguments and the parameters that differ from the defaults, in words."""
        usual = {field.alias: field.default for field in self.component.model.model_fields.values()}
        changed = (
            f"{name}={self.plan.plain[name]}"
            for name, value in self.plan.parameters.items()
            if value != usual[name]
        )
        before = {"latent": "dim=", "dataset": "split "}.get(self.component.kind, "")
        words = [*(f"{before}{each}" for each in self.arguments), *changed]
        return ", ".join(words) or "defaults"

    @property
    def spec(self) -> SampleSpec:
        """What is generated, for the kinds that are given a spec."""
        spec: SampleSpec = self.arguments[0]
        return spec

    @property
    def is_small(self) -> bool:
        """Whether one sample holds no more than a thousand numbers, or no spec is given."""
        return self.component.kind not in TAKES_SPEC or self.spec.size <= SMALL

    def make(self, *arguments: Any, seed: int = 0) -> Any:
        """Return a new instance, its weights drawn from `seed`.

        Args:
            arguments: the engine's, where they are made in the check itself (an optimizer's).
        """
        with initialised_from(seed, (self.component.kind,)):
            return self.plan.build(*(arguments or self.arguments))


def _tried(
    component: Component, plan: ComponentPlan, arguments: tuple[Any, ...], refused: list[str]
) -> Case | None:
    """Return the case with what its instance declares; None where the spec is refused."""
    case, kind = Case(component, plan, arguments), component.kind
    if kind == "optimizer":
        return case  # it needs parameters to optimise, which its checks make
    try:
        return replace(case, capabilities=capabilities(case.make()))
    except DataError as error:
        hint = f" (try: {error.hint})" if error.hint else ""
        raise NotChecked(f"needs data: {error.message}{hint}") from error
    except ValueError as error:
        if kind not in MAY_REFUSE:
            raise
        refused.append(f"{case.label}: {error}")
    return None
