"""The one-line test file of a third party: the tests that it creates, and what it refuses."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.api import Game, Terms
from ganzoo.errors import PluginError, UsageError
from ganzoo.testing import NonConformance, conformance, game
from ganzoo.testing.suite import CHECKS

PLUGIN = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_schedules(register):
        register("constant", "ganzoo_acme_parts:Constant", summary="1 for ever")
        register("broken", "ganzoo_acme_parts:Broken", summary="never a number")
        register("linear", "ganzoo_acme_parts:Linear", summary="down to 0")
"""
PARTS = """
    class Constant:
        def __call__(self, samples_seen):
            return 1.0

    class Broken:
        def __call__(self, samples_seen):
            return float("nan")

    class Linear:
        def __init__(self, *, end: int):
            self.end = end

        def __call__(self, samples_seen):
            return max(0.0, 1 - samples_seen / self.end)
"""
BROKEN = "schedule acme/broken: values"
LINEAR = {"acme/linear": [{"end": 100}]}


@pytest.fixture
def acme(install_plugin) -> Path:
    modules = {"ganzoo_acme": PLUGIN, "ganzoo_acme_parts": PARTS}
    return install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")


def cases(test: Any) -> dict[str, Any]:
    """Return the parameters of a test as pytest would collect them, by name."""
    (mark,) = test.pytestmark
    return {parameter.id: parameter for parameter in mark.args[1]}


def test_there_is_one_test_per_component_and_check_named_after_both(acme: Path) -> None:
    names = list(cases(conformance("acme/*")))
    checks = [check.name for check in CHECKS["schedule"]]
    ids = ["broken", "constant", "linear"]
    assert names == [f"schedule acme/{id}: {check}" for id in ids for check in checks]


def test_a_failed_check_raises_with_its_whole_message(acme: Path) -> None:
    test = conformance("acme/broken")
    with pytest.raises(NonConformance) as raised:
        test(cases(test)[BROKEN].values[0])
    assert str(raised.value).startswith(
        f"{BROKEN}: defaults: expected a finite number at 0 samples seen, got nan;"
    )


def test_a_check_that_could_not_run_is_skipped_with_the_reason(acme: Path) -> None:
    test = conformance("acme/linear")
    with pytest.raises(pytest.skip.Exception, match="not checked: end must be given"):
        test(cases(test)["schedule acme/linear: values"].values[0])


@pytest.mark.parametrize("key", ["acme/linear", "schedule acme/linear"])
def test_parameters_can_be_given_by_id_or_by_kind_and_id(acme: Path, key: str) -> None:
    test = conformance("acme/*", parameters={key: [{"end": 100}]})
    test(cases(test)["schedule acme/linear: values"].values[0])


def test_an_expected_failure_is_strict_and_has_its_reason(acme: Path) -> None:
    known = cases(conformance("acme/*", expected_failures={BROKEN: "it is meant to"}))
    assert [name for name, case in known.items() if case.marks] == [BROKEN]
    (mark,) = known[BROKEN].marks
    reason = {"reason": "it is meant to", "strict": True, "raises": NonConformance}
    assert (mark.name, mark.kwargs) == ("xfail", reason)


def test_an_expected_failure_that_is_not_even_checked_fails(acme: Path) -> None:
    name = "schedule acme/linear: values"
    test = conformance("acme/linear", expected_failures={name: "some day"})
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as raised:
        test(cases(test)[name].values[0])
    assert raised.type is pytest.fail.Exception
    assert f"{name}: was expected to fail, but is not checked: end must be given" in str(raised)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"expected_failures": {"schedule acme/broken: valeus": "why"}},
            "expected_failures: no check or component is named 'schedule acme/broken: valeus'"
            " - did you mean 'schedule acme/broken: values'?",
        ),
        ({"expected_failures": {BROKEN: " "}}, f"expected_failures: {BROKEN!r} has no reason"),
        (
            {"parameters": {"acme/liner": []}},
            "parameters: no check or component is named 'acme/liner' - did you mean 'acme/linear'?",
        ),
    ],
)
def test_a_key_that_names_nothing_is_an_error_that_suggests(
    acme: Path, given: Any, message: str
) -> None:
    with pytest.raises(PluginError) as raised:
        conformance("acme/*", **given)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("acme/constnat", "no component matches 'acme/constnat' - did you mean 'acme/constant'?"),
        ("acne/*", "no component matches 'acne/*' - did you mean 'acme/*'?"),
        ("quux/*", "no component matches 'quux/*'"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(acme: Path, pattern: str, message: str) -> None:
    with pytest.raises(PluginError) as raised:
        conformance(pattern)
    assert raised.value.message == message


def test_a_plugin_that_cannot_be_imported_is_an_error_that_quotes_it(install_plugin) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "import gone_for_good"}, acme="ganzoo_acme")
    with pytest.raises(PluginError, match=r"plugin 'acme' .* is broken: ModuleNotFoundError"):
        conformance("acme/*")
    assert conformance("zoo/adam")


def test_without_pytest_the_error_says_what_to_install(
    acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(UsageError) as raised:
        conformance("acme/*")
    assert raised.value.hint == 'pip install "ganzoo-core[testing]"'


@pytest.mark.slow
def test_a_third_partys_test_file_of_one_line_runs_under_pytest(acme: Path, tmp_path: Path) -> None:
    (tmp_path / "test_acme.py").write_text(
        "from ganzoo.testing import conformance\n"
        f"known = {{{BROKEN!r}: 'never a number', 'schedule acme/constant: values': 'stale'}}\n"
        f"test_acme = conformance('acme/*', expected_failures=known, parameters={LINEAR})\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-rsxX", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(acme), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(f"[{BROKEN}] XFAIL" in line for line in lines)
    assert any("[schedule acme/linear: values] PASSED" in line for line in lines)
    assert any("[schedule acme/constant: values] FAILED" in line for line in lines)
    assert "[XPASS(strict)] stale" in done.stdout


@pytest.mark.parametrize(
    ("module", "outcome"),
    [("torch.some.part", "passed"), ("_distutils_hack", "passed"),
     ("torchless", "failed"), ("ganzoo_acme", "failed")],
)  # fmt: skip
def test_where_warnings_are_errors_those_of_torch_itself_are_ignored(
    judge: Any, module: str, outcome: str
) -> None:
    class Warns:
        def __call__(self, samples_seen: int) -> float:
            warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, module=module)
            return 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge("schedule", Warns)["values"].outcome == outcome


def test_a_game_by_hand_plays_a_regularizer_that_needs_input_gradients() -> None:
    class R1:
        capabilities = frozenset({"real-gradient"})

        def discriminator(self, game: Game) -> Terms:
            _, gradient = game.input_gradient(game.real, game.labels)
            return {"r1": gradient.square().sum(1).mean()}

    class Critic(torch.nn.Linear):
        def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            return super().forward(x)[:, 0]

    critic, x = Critic(3, 1), torch.randn(5, 3)
    needed = R1.capabilities
    by_hand = game("discriminator", critic, critic, real=x, latents=x, capabilities=needed)
    assert by_hand.real.requires_grad
    torch.testing.assert_close(R1().discriminator(by_hand)["r1"], critic.weight.square().sum())
