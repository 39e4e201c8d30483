"""A component under test, and its cases: parameter sets combined with the engine's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ganzoo.api import MODALITIES, DataError, Registration, SampleSpec
from ganzoo.components.build import capabilities, initialised_from, requirements
from ganzoo.components.parameters import WrongParameters, plan_component
from ganzoo.components.plan import ComponentPlan
from ganzoo.components.signature import parameter_model
from ganzoo.registry.loading import info_command
from ganzoo.registry.registry import Registry
from ganzoo.runs.records import plain
from ganzoo.testing.arguments import PAIRED, SPEC, game_specs, typical_specs
from ganzoo.testing.outcomes import Failed, NotChecked, Outcome

Parameters = Mapping[str, Any]

SMALL = 1000
"""Largest sample, in numbers, on which slow checks run too."""

LATENT_DIMENSIONS = (1, 16, 100)

NOTHING: Parameters = MappingProxyType({})

TAKES_SPEC = frozenset({"generator", "discriminator", "augmentation"})
PLAYS = frozenset({"loss", "regularizer"})
"""Kinds that are checked in games, on a spec and with latents that the kit chooses."""
MAY_REFUSE = TAKES_SPEC | {"latent"}
"""Kinds whose factory may refuse an argument by ValueError."""


def _order(name: str) -> int:
    return MODALITIES.index(name) if name in MODALITIES else len(MODALITIES)


@dataclass
class Component:
    """One registered component under test.

    Args:
        given: parameter sets to try in addition to the defaults, or instead of them if a
            parameter has no default.
        specs: specs to try in addition to the typical specs of its modalities.
        latents: latents that games draw from, instead of the standard normal distribution.
    """

    registry: Registry
    registration: Registration
    given: Sequence[Parameters] = ()
    specs: Sequence[SampleSpec] = ()
    latents: Sequence[ComponentPlan] = ()
    outcomes: dict[str, Outcome] = field(default_factory=dict, repr=False)
    """Outcomes of the checks that have run, by name."""
    partners: dict[Any, ComponentPlan] = field(default_factory=dict, repr=False)
    """Networks of the plugin that have what it requires, once found."""

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
            PluginError: it cannot be imported, or does not exist.
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
        """Each parameter set with each argument that the factory accepts.

        Leaves out a spec, or a dimension of z, that the factory refuses by ValueError.

        Raises:
            NotChecked: required parameters or data are missing.
            Failed: the given parameters are invalid, or every spec is refused.
        """
        found = []
        for plan in self._plans():
            refused: list[str] = []
            tried = (
                Case(self, plan, arguments, game_spec=spec, latent=latent)
                for arguments in self._arguments()
                for spec, latent in self._games()
            )
            fitting = [case for each in tried if (case := _built(each, refused))]
            if not fitting and self.kind in TAKES_SPEC and self._can_be_images:
                paired = _built(Case(self, plan, (PAIRED,)), refused)  # for conditions only
                fitting = [paired] if paired else []
            if not fitting:
                raise Failed(
                    "a component for at least one of the specs that are tried",
                    "a refusal of each: " + "; ".join(refused),
                    "register the modalities that it supports, or try others: --spec SPEC, "
                    "or specs=[…] in Python",
                )
            found += fitting
        return found

    @property
    def small_cases(self) -> list[Case]:
        """The cases with small or given samples, for slow checks; all cases if there are none."""
        return [case for case in self.cases if case.is_small] or self.cases

    def plan(self, parameters: Parameters, defaults: Parameters = NOTHING) -> ComponentPlan:
        """Return the component's plan with parameters as a recipe would give them.

        Args:
            defaults: used where the factory has the parameter and `parameters` does not.

        Raises:
            Failed: a parameter is unknown, or its value invalid.
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
                f"the parameters {given} to be accepted",
                what,
                f"{info_command(self.registration)} lists the parameters",
            ) from None

    def _plans(self) -> Iterator[ComponentPlan]:
        """Yield the plan of each distinct parameter set."""
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
        """Return the parameters that the engine sets itself: `conditional` of both networks."""
        networks = self.kind in ("generator", "discriminator")
        return [{}, {"conditional": True}] if networks else [{}]

    def _arguments(self) -> list[tuple[Any, ...]]:
        """Return the positional arguments that the engine may pass."""
        if self.kind in TAKES_SPEC:
            typical = typical_specs(self._modalities or MODALITIES, self.registry)
            return [(spec,) for spec in dict.fromkeys((*typical, *self._given_specs))]
        if self.kind == "latent":
            return [(dimension,) for dimension in LATENT_DIMENSIONS]
        if self.kind == "dataset":
            return [(split,) for split in self.registration.splits or ("train",)]
        return [()]

    def _games(self) -> list[tuple[SampleSpec | None, ComponentPlan | None]]:
        """Return the spec and the latent of each game that tests a loss or a regularizer."""
        if self.kind not in PLAYS:
            return [(None, None)]
        own = game_specs(self._modalities, self.registry)
        words = requirements(self.factory).get("generator", frozenset())
        pairs = self._can_be_images and not self._given_specs
        if pairs and any("/" in word for word in words):
            own.append(PAIRED)  # such a generator may be for conditions only
        specs = dict.fromkeys((*own, *self._given_specs))
        latents: Sequence[ComponentPlan | None] = self.latents or [None]
        return [(spec, latent) for spec in specs for latent in latents]

    @property
    def _modalities(self) -> list[str]:
        """The registered modalities in a fixed order; empty: any."""
        return sorted(self.registration.modalities, key=_order)

    @property
    def _can_be_images(self) -> bool:
        return not self._modalities or PAIRED.modality in self._modalities

    @property
    def _given_specs(self) -> list[SampleSpec]:
        return [spec for spec in self.specs if self.supports(spec)]

    def supports(self, spec: SampleSpec) -> bool:
        """Return whether the component is tried with a spec that is given."""
        can = self.registration.modalities
        return self.kind in TAKES_SPEC | PLAYS and (not can or spec.modality in can)


@dataclass(frozen=True)
class Case:
    """A component with its parameters and the engine's arguments, for one run of a check."""

    component: Component
    plan: ComponentPlan
    arguments: tuple[Any, ...]
    capabilities: frozenset[str] = frozenset()
    """The capabilities that the instance declares."""
    game_spec: SampleSpec | None = None
    """For a loss or a regularizer: the spec of its games."""
    latent: ComponentPlan | None = None
    """For a loss or a regularizer: the given latent; None: standard normal numbers."""

    @property
    def label(self) -> str:
        """The arguments, and the parameters that differ from their defaults, for messages."""
        usual = {field.alias: field.default for field in self.component.model.model_fields.values()}
        changed = (
            f"{name}={self.plan.plain[name]}"
            for name, value in self.plan.parameters.items()
            if value != usual[name]
        )
        before = {"latent": "dim=", "dataset": "split "}.get(self.component.kind, "")
        words = [f"{before}{each}" for each in self.arguments]
        words += [] if self.game_spec in (None, SPEC) else [f"{self.game_spec}"]
        words += [f"latent {self.latent.id}"] if self.latent else []
        words += changed
        return ", ".join(words) or "defaults"

    @property
    def spec(self) -> SampleSpec:
        """The spec, for the kinds that take one or play on one."""
        spec: SampleSpec = self.game_spec or self.arguments[0]
        return spec

    @property
    def is_small(self) -> bool:
        """Whether a sample has at most `SMALL` numbers or a given spec; true without a spec."""
        takes_spec = self.component.kind in TAKES_SPEC
        return not takes_spec or self.spec.size <= SMALL or self.spec in self.component.specs

    def make(self, *arguments: Any, seed: int = 0) -> Any:
        """Return a new instance with weights drawn from `seed`.

        Args:
            arguments: replace the case's own, where a check makes them (for optimizers).
        """
        with initialised_from(seed, (self.component.kind,)):
            return self.plan.build(*(arguments or self.arguments))


def _built(case: Case, refused: list[str]) -> Case | None:
    """Return the case with its instance's capabilities; None if the factory refuses the spec."""
    kind = case.component.kind
    if kind == "optimizer":
        return case  # the checks make the parameters that it optimizes
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
