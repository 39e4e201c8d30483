"""What a check is, and the check that several kinds share: misspelt method names."""

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
    """One thing that every component of a kind is held to.

    `run` raises `Failed`, `Exempt` or `NotChecked`, or any error of the component's own. It is only
    called once every check named in `after` has passed or did not apply: one fault, one failure.
    """

    name: str
    proves: str
    """One sentence, in plain words."""
    run: Callable[[Component], None]
    after: tuple[str, ...] = ()


def component_check(*after: str) -> Callable[[Callable[[Component], None]], Check]:
    """Return a decorator: a function of the component → the check of the same name.

    The first paragraph of the function's docstring is what the check proves.
    """

    def decorate(function: Callable[[Component], None]) -> Check:
        return Check(_name(function), _proof(function), function, after)

    return decorate


def case_check(
    *after: str, name: str | None = None, every_size: bool = False
) -> Callable[[Callable[[Case], None]], Check]:
    """Like `component_check`, for a function that is called with the cases of the component.

    The check is exempt if every case is, and ends at the first case that fails.

    Args:
        name: the check's name, by default the function's.
        every_size: also run the cases with large samples, even where there are small ones.
    """

    def decorate(function: Callable[[Case], None]) -> Check:
        def run(component: Component) -> None:
            cases = component.cases if every_size else component.small_cases
            exempt = [reason for case in cases if (reason := _run_in(case, function))]
            if len(exempt) == len(cases):
                raise exempt[0]

        return Check(name or _name(function), _proof(function), run, ("builds", *after))

    return decorate


def _run_in(case: Case, function: Callable[[Case], None]) -> Exempt | None:
    """Check one case; return why it is exempt, or None."""
    try:
        # What a component draws from torch's default generator is the same in every run.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            function(case)
    except Exempt as exempt:
        return exempt
    except NotChecked:
        raise
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
"""From where on a name is taken for a misspelt one, as `difflib` measures it."""


def method_names(contract: Mapping[str, tuple[str, ...]], *after: str) -> Check:
    """Return the check that no public method is a near miss of one of the contract's.

    Args:
        contract: the names of the methods that are called, each with those of its arguments.
        after: the checks that must hold before this one is made.
    """

    def method_names(case: Case) -> None:
        """No public method's name is a slip of the pen away from one that is called.

        Such a method would never be called, and nobody would be told.
        """
        for name, method in _methods(case.make()).items():
            near = get_close_matches(name.lower(), contract, n=1, cutoff=LIKENESS)
            if name in contract or not near or not _takes(method, len(contract[near[0]])):
                continue
            words = ", ".join(("self", *contract[near[0]]))
            raise Failed(
                "no public method that is nearly called like one of ganzoo's",
                f"{name} - did you mean {near[0]!r}?",
                f"def {near[0]}({words}): …, or begin the name of a helper with an underscore",
            )

    return case_check(*after)(method_names)


def _methods(live: Any) -> dict[str, Callable[..., Any]]:
    """Return the public methods that a component's author wrote, by name."""
    found = inspect.getmembers(type(live), inspect.isfunction)
    return {
        name: method
        for name, method in found
        if not name.startswith("_") and not hasattr(nn.Module, name)
    }


def _takes(method: Callable[..., Any], count: int) -> bool:
    """Whether the method can be called with so many arguments beside ``self``."""
    try:
        inspect.signature(method).bind(None, *range(count))
    except TypeError:
        return False
    return True
