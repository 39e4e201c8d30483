"""The table of checks, and how they run: one trial per component and check, or under pytest."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ganzoo.api import HOOKS, Registration
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.names import guess, qualify, suggest
from ganzoo.registry.registry import Registry
from ganzoo.testing.arguments import GivenLatent, GivenSpec, latent_of, spec_of
from ganzoo.testing.augmentations import AUGMENTATION
from ganzoo.testing.checks import Check
from ganzoo.testing.component import NOTHING, PLAYS, Component, Parameters
from ganzoo.testing.datasets import DATASET
from ganzoo.testing.discriminators import DISCRIMINATOR
from ganzoo.testing.generators import GENERATOR
from ganzoo.testing.latents import LATENT
from ganzoo.testing.losses import LOSS, REGULARIZER
from ganzoo.testing.modalities import MODALITY
from ganzoo.testing.outcomes import (
    EXEMPT,
    FAILED,
    PASSED,
    SKIPPED,
    Exempt,
    NotChecked,
    Outcome,
    failure,
)
from ganzoo.testing.registrations import EVERY_KIND, lazy_import, recipe_check, target
from ganzoo.testing.scoring import EXTRACTOR, METRIC
from ganzoo.testing.training import CALLBACK, OPTIMIZER, SCHEDULE

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "generator": (*EVERY_KIND, *GENERATOR),
    "discriminator": (*EVERY_KIND, *DISCRIMINATOR),
    "latent": (*EVERY_KIND, *LATENT),
    "loss": (*EVERY_KIND, *LOSS),
    "regularizer": (*EVERY_KIND, *REGULARIZER),
    "augmentation": (*EVERY_KIND, *AUGMENTATION),
    "dataset": (*EVERY_KIND, *DATASET),
    "extractor": (*EVERY_KIND, *EXTRACTOR),
    "metric": (*EVERY_KIND, *METRIC),
    "optimizer": (*EVERY_KIND, *OPTIMIZER),
    "schedule": (*EVERY_KIND, *SCHEDULE),
    "callback": (*EVERY_KIND, *CALLBACK),
    "modality": (*EVERY_KIND, *MODALITY),
    "recipe": (lazy_import, target, recipe_check),
}


NOT_THE_AUTHORS = r"(torch|torchmetrics|accelerate|setuptools|_distutils_hack|distutils)(\.|$)"
"""Modules whose warnings are ignored, even if an author's tests turn warnings into errors."""


@dataclass(frozen=True)
class Trial:
    """One check of one component; as text ``generator acme/unet: batch-of-one``."""

    component: Component
    check: Check

    def __str__(self) -> str:
        return f"{self.component}: {self.check.name}"

    def outcome(self) -> Outcome:
        """Run the check once, after the checks that it depends on; return its outcome."""
        known = self.component.outcomes
        if self.check.name not in known:
            known[self.check.name] = self._judged()
        return known[self.check.name]

    def _judged(self) -> Outcome:
        for before in self._before():
            if not (earlier := before.outcome()).holds:
                why = "failed" if earlier.outcome == FAILED else "was not checked"
                # The first cause in a chain of skipped checks.
                cause = earlier.message if earlier.outcome == SKIPPED else f"{earlier.check} {why}"
                return self._ended(SKIPPED, cause)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module=NOT_THE_AUTHORS)
                self.check.run(self.component)
        except Exempt as reason:
            return self._ended(EXEMPT, str(reason))
        except NotChecked as reason:
            return self._ended(SKIPPED, str(reason))
        except Exception as error:  # a plugin's code may raise anything
            failed = failure(error)
            return self._ended(FAILED, str(failed), failed)
        return self._ended(PASSED)

    def _before(self) -> list[Trial]:
        checks = CHECKS[self.component.kind]
        return [Trial(self.component, each) for each in checks if each.name in self.check.after]

    def _ended(self, end: str, message: str = "", error: Exception | None = None) -> Outcome:
        component = self.component
        return Outcome(
            component.registration.id, component.kind, self.check.name, end, message, error
        )


def trials(
    pattern: str,
    *,
    registry: Registry | None = None,
    kind: str | None = None,
    parameters: Mapping[str, Sequence[Parameters]] = {},
    everywhere: Parameters = NOTHING,
    specs: Sequence[GivenSpec] = (),
    latents: Sequence[GivenLatent] = (),
) -> list[Trial]:
    """Return a trial for every check of every component whose id matches a shell pattern.

    Args:
        kind: only components of this kind.
        parameters: id, or kind and id (``generator acme/unet``) → parameter sets to try.
        everywhere: another parameter set, for every matching component.
        specs: specs to try in addition to the kit's own; see `conformance`.
        latents: latents that games draw from; see `conformance`.

    Raises:
        PluginError: nothing matches, a plugin that the pattern names is broken, or a key of
            `parameters` matches no component.
        UsageError: a spec or a latent is wrong, or no matching component uses it.
    """
    registry = registry or Registry()
    selected = select(registry, pattern, kind)
    components = [
        Component(
            registry,
            registration,
            [everywhere] if everywhere else [],
            [spec_of(each) for each in specs],
            [latent_of(registry, each) for each in latents],
        )
        for registration in selected
    ]
    if latents and not PLAYS & {each.kind for each in components}:
        what = f"a latent is given, and no loss or regularizer matches {pattern!r}"
        raise UsageError(what, hint=f"ganzoo conformance {shlex.quote(pattern)} without --latent")
    for spec in components[0].specs:
        if not any(component.supports(spec) for component in components):
            raise UsageError(
                f"no component that matches {pattern!r} is tried with {spec}",
                hint=f"ganzoo conformance {shlex.quote(pattern)} without --spec",
            )
    for key, sets in parameters.items():
        named = [each for each in components if key in (str(each), each.registration.id)]
        if not named:
            ids = [each.registration.id for each in components]
            raise _unknown("parameters", key, [*ids, *map(str, components)])
        for component in named:
            component.given = [*component.given, *sets]
    return [Trial(each, check) for each in components for check in CHECKS[each.kind]]


def select(registry: Registry, pattern: str, kind: str | None = None) -> list[Registration]:
    """Return the matching components, of one kind or of every kind.

    Raises:
        PluginError: nothing matches, or a plugin that the pattern names could not be loaded.
    """
    namespace = qualify(pattern).partition("/")[0]
    for each in registry.namespaces():
        meant = each.name == namespace or each.status in ("broken", "clash")
        if each.status != "ok" and meant and fnmatchcase(each.name, namespace):
            raise PluginError(
                f"plugin {each.name!r} ({each}) is {each.predicate}: {each.error}", hint=each.hint
            )
    kinds = [kind] if kind else [*HOOKS]
    if found := [each for one in kinds for each in registry.list(one, pattern)]:
        return found
    raise PluginError(
        f"no {kind or 'component'} matches {pattern!r}{_guess(registry, pattern, kinds)}",
        hint="ganzoo plugins",
    )


def _guess(registry: Registry, pattern: str, kinds: Iterable[str]) -> str:
    """Return a suggestion for a pattern that matches nothing, or an empty string."""
    namespace = qualify(pattern).partition("/")[0]
    names = [each.name for each in registry.namespaces()]
    if namespace not in names and (near := suggest(namespace, names)):
        return f" - did you mean '{near}/*'?"
    everything = [each.id for kind in kinds for each in registry.list(kind)]
    return guess(qualify(pattern), everything)


def _unknown(argument: str, key: str, known: Iterable[str]) -> PluginError:
    """Return the error for an unknown key."""
    return PluginError(
        f"{argument}: no check or component is named {key!r}{guess(key, known)}",
        hint="ganzoo conformance --list (a check's full name is 'KIND ID: CHECK')",
    )


def check_keys(argument: str, keys: Iterable[str], known: Sequence[Trial]) -> None:
    """Raise PluginError, with the nearest name, for a key that names no trial."""
    names = [*map(str, known)]
    for key in keys:
        if key not in names:
            raise _unknown(argument, key, names)


def by_component(all_trials: Sequence[Trial]) -> Iterator[tuple[Component, list[Trial]]]:
    """Yield each component with its trials."""
    components = {id(each.component): each.component for each in all_trials}
    for component in components.values():
        yield component, [each for each in all_trials if each.component is component]


class NonConformance(AssertionError):
    """A component breaks the contract of its kind."""


def conformance(
    pattern: str,
    *,
    expected_failures: Mapping[str, str] = {},
    parameters: Mapping[str, Sequence[Parameters]] = {},
    specs: Sequence[GivenSpec] = (),
    latents: Sequence[GivenLatent] = (),
    plugin: Path | None = None,
) -> Callable[..., None]:
    """Return a pytest test that runs every check of every component whose id matches.

    Args:
        pattern: a shell pattern over ids, such as ``acme/*``.
        expected_failures: name of a test (``generator acme/unet: batch-of-one``) → why it fails.
            Strict: it is a failure if the check passes or does not run.
        parameters: id, or kind and id → parameter sets to try, as a recipe would give them. They
            are added to the defaults, or replace them if a parameter has no default.
        specs: specs to try in addition to the kit's own, each a `SampleSpec`, its JSON data, or
            ``image:3x32x32:10`` (modality, shape, and classes if it has any).
        latents: latents that the games of losses and regularizers draw from, instead of the
            standard normal distribution, each an id or ``{"use": id, …parameters}``.
        plugin: a Python file whose components are named ``local/NAME``.

    Raises:
        PluginError: nothing matches, a plugin is broken, or a key names no check or component.
        UsageError: a spec or a latent is wrong, or pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise UsageError(
            "the conformance kit needs pytest", hint='pip install "ganzoo-core[testing]"'
        ) from error
    registry = Registry.with_local(plugin) if plugin else Registry()
    found = trials(pattern, registry=registry, parameters=parameters, specs=specs, latents=latents)
    check_keys("expected_failures", expected_failures, found)
    for name, reason in expected_failures.items():
        if not isinstance(reason, str) or not reason.strip():
            raise PluginError(
                f"expected_failures: {name!r} has no reason",
                hint=f'expected_failures={{{name!r}: "why it may fail"}}',
            )

    def marks(trial: Trial) -> list[Any]:
        reason = expected_failures.get(str(trial))
        return (
            [pytest.mark.xfail(reason=reason, raises=NonConformance, strict=True)] if reason else []
        )

    @pytest.mark.parametrize(
        "trial", [pytest.param(each, id=str(each), marks=marks(each)) for each in found]
    )
    def test_conformance(trial: Trial) -> None:
        __tracebackhide__ = True
        outcome = trial.outcome()
        if outcome.outcome == FAILED:
            raise NonConformance(str(outcome)) from (outcome.error and outcome.error.__cause__)
        if outcome.outcome == PASSED:
            return
        word = "not checked" if outcome.outcome == SKIPPED else "exempt"
        if str(trial) in expected_failures:
            pytest.fail(f"{trial}: was expected to fail, but is {word}: {outcome.message}")
        pytest.skip(f"{word}: {outcome.message}")

    return test_conformance
