"""Whether a method that nobody will call was meant to be one that the engine calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from torch import nn

from ganzoo.testing.checks import Check, Failed, case_check
from ganzoo.testing.component import Case

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
