"""A registry of one component that needs no plugin, and the outcomes of its checks."""

from collections.abc import Callable
from typing import Any

import pytest

from ganzoo.api import Registration
from ganzoo.registry.registry import Registry
from ganzoo.testing.component import Component
from ganzoo.testing.outcomes import FAILED, Outcome
from ganzoo.testing.suite import CHECKS, Trial

Judged = dict[str, Outcome]


class OneComponent(Registry):
    """A registry of one component with a given factory."""

    def __init__(self, registration: Registration, factory: Callable[..., Any]) -> None:
        super().__init__(())
        self.registration = registration
        self.factory = factory

    def resolve(self, registration: Registration) -> Any:
        return self.factory


@pytest.fixture
def judge() -> Callable[..., Judged]:
    """Return the outcome of every check of a component: `judge(kind, factory, summary=…)`."""

    def run(
        kind: str,
        factory: Callable[..., Any],
        *,
        given: Any = (),
        specs: Any = (),
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
        component = Component(OneComponent(registration, factory), registration, given, specs)
        return {check.name: Trial(component, check).outcome() for check in CHECKS[kind]}

    return run


@pytest.fixture
def failed(judge: Callable[..., Judged]) -> Callable[..., set[str]]:
    """Return the names of the checks that a component fails."""

    def run(kind: str, factory: Callable[..., Any], **said: Any) -> set[str]:
        judged = judge(kind, factory, **said)
        return {name for name, outcome in judged.items() if outcome.outcome == FAILED}

    return run
