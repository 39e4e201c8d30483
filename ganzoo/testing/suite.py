"""The kit as a pytest test function: one test a component and check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.api import SampleSpec
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.registry import Registry
from ganzoo.testing.component import Parameters
from ganzoo.testing.report import FAILED, PASSED, SKIPPED
from ganzoo.testing.trials import Trial, check_keys, trials


class NonConformance(AssertionError):
    """A component breaks the contract of its kind."""


def conformance(
    pattern: str,
    *,
    expected_failures: Mapping[str, str] = {},
    parameters: Mapping[str, Sequence[Parameters]] = {},
    specs: Sequence[SampleSpec] = (),
    plugin: Path | None = None,
) -> Callable[..., None]:
    """Return a pytest test that makes every check of every component whose id matches.

    Args:
        pattern: a shell pattern over ids, such as ``acme/*``.
        expected_failures: name of a test (``generator acme/unet: batch-of-one``) → why it fails.
            Strict: one that passes, or is not made at all, is a failure.
        parameters: id, or kind and id → parameter sets to try, as a recipe would give them. They
            stand beside the defaults, or in their place where a parameter has no default.
        specs: what to generate, beside the specs that every network is tried on.
        plugin: a Python file whose components are called ``local/NAME``.

    Raises:
        PluginError: nothing matches, a plugin is broken, or a key names nothing that is checked.
        UsageError: pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise UsageError(
            "the conformance kit needs pytest", hint='pip install "ganzoo-core[testing]"'
        ) from error
    registry = Registry.with_local(plugin) if plugin else Registry()
    found = trials(pattern, registry=registry, parameters=parameters, specs=specs)
    check_keys("expected_failures", expected_failures, found)
    for name, reason in expected_failures.items():
        if not isinstance(reason, str) or not reason.strip():
            raise PluginError(f"expected_failures: {name!r} has no reason")

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
