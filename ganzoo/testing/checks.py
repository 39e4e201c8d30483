"""What a check is, how one ends, and what a component that fails it is told."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ganzoo.testing.component import Case, Component


class Failed(Exception):
    """The component breaks the contract.

    Args:
        expected: what the contract says, to be read after the word "expected".
        got: what was seen, to be read after the word "got".
        advice: what the author can do about it.
    """

    def __init__(self, expected: str, got: str, advice: str) -> None:
        super().__init__(expected, got, advice)
        self.expected = expected
        self.got = got
        self.advice = advice
        self.where = ""
        """The case that it happened in; empty where the component as a whole is meant."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}expected {self.expected}, got {self.got}; {self.advice}"


class Exempt(Exception):
    """The check does not apply, because of what the component declares or does not offer."""


class NotChecked(Exception):
    """The check applies and could not be made: something is missing that only the user has."""


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


def case_check(*after: str, every_size: bool = False) -> Callable[[Callable[[Case], None]], Check]:
    """Like `component_check`, for a function that is called with the cases of the component.

    The check is exempt if every case is, and ends at the first case that fails.

    Args:
        every_size: also with the cases whose samples are large, where there are small ones.
    """

    def decorate(function: Callable[[Case], None]) -> Check:
        def run(component: Component) -> None:
            cases = component.cases if every_size else component.small_cases
            exempt = [reason for case in cases if (reason := _run_in(case, function))]
            if len(exempt) == len(cases):
                raise exempt[0]

        return Check(_name(function), _proof(function), run, ("builds", *after))

    return decorate


def failure(
    error: Exception,
    expected: str = "no error",
    advice: str = "the error is the component's own",
) -> Failed:
    """Return what any error of a check means to the author of the component."""
    if isinstance(error, Failed):
        return error
    words = " ".join(str(error).split())[:300]
    got = f"{type(error).__name__}: {words}{_place(error)}" if words else type(error).__name__
    failed = Failed(expected, got, advice)
    failed.__cause__ = error
    return failed


@contextmanager
def expecting(expected: str, advice: str) -> Iterator[None]:
    """Say of any error inside what was expected in its place, and what to do."""
    try:
        yield
    except (Exempt, NotChecked):
        raise
    except Exception as error:
        failed = failure(error, expected, advice)
        raise failed from failed.__cause__


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


def _place(error: Exception) -> str:
    """Return the innermost line of the traceback that is neither torch's nor ours."""
    foreign = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(foreign)
    ]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _name(function: Callable[..., None]) -> str:
    return function.__name__.replace("_", "-")


def _proof(function: Callable[..., None]) -> str:
    paragraph = cleandoc(function.__doc__ or "").split("\n\n")[0]
    return " ".join(paragraph.replace("``", "").split())
