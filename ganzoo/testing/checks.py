"""Define checks, and the check of misspelt method names that several kinds share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import cleandoc
from typing import Any

import torch
from torch import nn

from ganzoo.testing.component import Case, Component
from ganzoo.testing.outcomes import Exempt, Failed, NotChecked, failure


@dataclass(frozen=True)
class Check:
    """A requirement on every component of a kind.

    `run` raises `Failed`, `Exempt` or `NotChecked`, or whatever the component raises. It runs only
    if every check named in `after` passed or did not apply, so that one fault is one failure.
    """

    name: str
    proves: str
    """One sentence for ``ganzoo conformance --list``."""
    run: Callable[[Component], None]
    after: tuple[str, ...] = ()


def component_check(*after: str) -> Callable[[Callable[[Component], None]], Check]:
    """Return a decorator that turns a function of a component into the check of the same name.

    The first paragraph of the function's docstring becomes `Check.proves`.
    """

    def decorate(function: Callable[[Component], None]) -> Check:
        return Check(_name(function), _proof(function), function, after)

    return decorate


def case_check(
    *after: str, name: str | None = None, every_size: bool = False
) -> Callable[[Callable[[Case], None]], Check]:
    """Like `component_check`, for a function that is called with each case of a component.

    The check is exempt, or not made, if that is so for every case; the first case that fails ends
    it. A regularizer for one kind of data has no networks to play with on the kit's other specs.

    Args:
        name: the check's name, by default the function's.
        every_size: also run the cases with large samples, even where there are small ones.
    """

    def decorate(function: Callable[[Case], None]) -> Check:
        def run(component: Component) -> None:
            cases = component.cases if every_size else component.small_cases
            skipped = [reason for case in cases if (reason := _run_in(case, function))]
            if len(skipped) == len(cases):
                raise next((each for each in skipped if isinstance(each, NotChecked)), skipped[0])

        return Check(name or _name(function), _proof(function), run, ("builds", *after))

    return decorate


def _run_in(case: Case, function: Callable[[Case], None]) -> Exempt | NotChecked | None:
    """Check one case; return why it does not apply or cannot be checked, else None."""
    try:
        # Seeded: a component may draw from torch's default generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            function(case)
    except (Exempt, NotChecked) as reason:
        return reason
    except Exception as error:
        failed = failure(error)
        failed.where = ": ".join(filter(None, (case.label, failed.where)))
        raise failed from failed.__cause__
    return None


def _name(function: Callable[..., None]) -> str:
    return function.__name__.replace("_", "-")


def _proof(function: Callable[..., None]) -> str:
    paragraph = cleandoc(function.__doc__ or "").split("\n\n")[0]
    return " ".join(paragraph.replace("``", "").split())


LIKENESS = 0.8
"""Similarity, as measured by `difflib`, from which a name counts as misspelt."""


def method_names(contract: Mapping[str, tuple[str, ...]], *after: str) -> Check:
    """Return the check that no public method is a misspelt method of the contract.

    Args:
        contract: name of each method that ganzoo calls → the names of its arguments.
        after: names of the checks that must hold first.
    """

    def method_names(case: Case) -> None:
        """No public method has a name that is nearly one of those that ganzoo calls.

        Such a method would never be called, without any error.
        """
        for name, method in _methods(case.make()).items():
            near = get_close_matches(name.lower(), contract, n=1, cutoff=LIKENESS)
            if name in contract or not near or not _takes(method, len(contract[near[0]])):
                continue
            words = ", ".join(("self", *contract[near[0]]))
            raise Failed(
                "no public method whose name is nearly one that ganzoo calls",
                f"{name} - did you mean {near[0]!r}?",
                f"def {near[0]}({words}): …, or begin the name of a helper with an underscore",
            )

    return case_check(*after)(method_names)


def _methods(live: Any) -> dict[str, Callable[..., Any]]:
    """Return a component's public methods by name, without those of nn.Module."""
    found = inspect.getmembers(type(live), inspect.isfunction)
    return {
        name: method
        for name, method in found
        if not name.startswith("_") and not hasattr(nn.Module, name)
    }


def _takes(method: Callable[..., Any], count: int) -> bool:
    """Return whether the method accepts this many arguments after ``self``."""
    try:
        inspect.signature(method).bind(None, *range(count))
    except TypeError:
        return False
    return True
