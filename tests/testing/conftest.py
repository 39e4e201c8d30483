"""A registry of one component that needs no plugin, and the outcomes of its checks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ganzoo.api import Registration
from ganzoo.registry.registry import Registry
from ganzoo.testing.arguments import latent_of
from ganzoo.testing.component import Component
from ganzoo.testing.outcomes import FAILED, Outcome
from ganzoo.testing.suite import CHECKS, Trial

Judged = dict[str, Outcome]


class OneComponent(Registry):
    """A registry of one component with a given factory, and the others of its plugin."""

    def __init__(
        self,
        registration: Registration,
        factory: Callable[..., Any],
        others: Mapping[str, tuple[str, Callable[..., Any]]] = {},
    ) -> None:
        super().__init__(())
        self.factories = {(registration.kind, registration.id): factory}
        self.others: list[Registration] = []
        for name, (kind, other) in others.items():
            words = getattr(other, "capabilities", ())
            facts = {"kind": kind, "name": name, "capabilities": frozenset(words)}
            self.others.append(replace(registration, **facts))
            self.factories[kind, self.others[-1].id] = other

    def list(self, kind: str, pattern: str = "*") -> list[Registration]:
        return [each for each in self.others if each.kind == kind] or super().list(kind, pattern)

    def get(self, kind: str, name: str, *, requirement: str | None = None) -> Registration:
        found = [each for each in self.others if (each.kind, each.id) == (kind, name)]
        return found[0] if found else super().get(kind, name, requirement=requirement)

    def resolve(self, registration: Registration) -> Any:
        return self.factories[registration.kind, registration.id]


@pytest.fixture
def judge() -> Callable[..., Judged]:
    """Return the outcome of every check of a component: `judge(kind, factory, summary=…)`."""

    def run(
        kind: str,
        factory: Callable[..., Any],
        *,
        given: Any = (),
        specs: Any = (),
        latents: Any = (),
        others: Mapping[str, tuple[str, Callable[..., Any]]] = {},
        **said: Any,
    ) -> Judged:
        # A plugin in a single file needs no process of its own to see what it imports.
        about = {
            "namespace": "local",
            "name": "thing",
            "target": "mine:Thing",
            "summary": "a thing",
        }
        about |= {"distribution": "mine.py", "version": "", "kind": kind}
        registration = Registration(**(about | said))
        registry = OneComponent(registration, factory, others)
        plans = [latent_of(registry, each) for each in latents]
        component = Component(registry, registration, given, specs, plans)
        return {check.name: Trial(component, check).outcome() for check in CHECKS[kind]}

    return run


@pytest.fixture
def failed(judge: Callable[..., Judged]) -> Callable[..., set[str]]:
    """Return the names of the checks that a component fails."""

    def run(kind: str, factory: Callable[..., Any], **said: Any) -> set[str]:
        judged = judge(kind, factory, **said)
        return {name for name, outcome in judged.items() if outcome.outcome == FAILED}

    return run
