"""The steps that try a new plugin, and their errors."""

import shlex
import sys
from pathlib import Path

import pytest

from ganzoo.errors import PluginError, UsageError
from ganzoo.scaffold.plugin import names_of
from ganzoo.scaffold.trial import Step, require_free, trial

ACME = names_of("acme")


def python(code: str, **more) -> Step:
    return Step("the step", (sys.executable, "-c", code), **more)


def take(step: Step) -> list[str]:
    said: list[str] = []
    step.take(said.append)
    return said


def test_a_step_says_its_command_and_passes_on_both_streams_indented() -> None:
    code = "import sys; print('é', flush=True); print('b', file=sys.stderr)"
    command, *printed = take(python(code))
    assert shlex.split(command)[0] == "$"
    assert shlex.split(command)[-1] == code
    assert printed == ["  é", "  b"]


def test_a_step_that_fails_says_how_and_how_to_repeat_it() -> None:
    step = python("raise SystemExit(3)")
    with pytest.raises(PluginError, match=r"^the step failed with exit code 3$") as raised:
        take(step)
    assert raised.value.hint == step.line


def test_a_step_without_the_expected_output_has_failed() -> None:
    assert take(python("print('acme/unet')", shows=("acme/",)))
    with pytest.raises(PluginError, match=r"^the step did not show acme/$"):
        take(python("print('no losses match')", shows=("acme/",)))


def test_a_step_with_a_hint_of_its_own_gives_that() -> None:
    with pytest.raises(PluginError) as raised:
        take(python("raise SystemExit(1)", hint="python -m ensurepip"))
    assert raised.value.hint == "python -m ensurepip"


def test_a_plugin_is_installed_tested_listed_by_kind_and_run() -> None:
    lines = [step.command[1:] for step in trial(ACME, {"metric", "loss"}, Path("here"))]
    install, test, losses, metrics, run = lines
    assert install[1:3] == ("pip", "--disable-pip-version-check")
    assert install[-2:] == ("--editable", "here")
    assert "--no-deps" in install
    assert test == ("-m", "pytest", "--quiet", "here")
    assert losses[-3:] == ("list", "losses", "acme/*")
    assert metrics[-3:] == ("list", "metrics", "acme/*")
    assert run[-6:-3] == ("run", "acme/demo", "train.steps=20")


def test_looking_for_pip_leaves_distutils_unchanged() -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('error', UserWarning)\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        assert name != 'pip', 'a finder that acts on it was asked for pip'\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from pathlib import Path\n"
        "from ganzoo.scaffold.plugin import names_of\n"
        "from ganzoo.scaffold.trial import trial\n"
        "list(trial(names_of('acme'), {'loss'}, Path('here')))"
    )
    assert take(python(code)) == [take(python(code))[0]]


def test_without_the_build_backend_at_hand_pip_may_fetch_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def install(*present: str) -> tuple[str, ...]:
        monkeypatch.setattr("ganzoo.scaffold.trial._on_path", lambda name: name in present)
        return next(trial(ACME, {"loss"}, Path("here"))).command

    assert "--no-build-isolation" in install("hatchling", "editables", "pip")
    assert "--no-build-isolation" not in install("hatchling", "pip")
    assert "--no-build-isolation" not in install("pip")


def test_what_is_missing_in_the_environment_is_named_by_the_step_that_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ganzoo.scaffold.trial._on_path", lambda name: False)
    install, test, *_ = trial(ACME, {"loss"}, Path("here"))
    assert install.hint is not None
    assert install.hint.endswith("-m ensurepip")
    assert test.hint is not None
    assert test.hint.endswith("-m pip install pytest")


def test_a_namespace_that_is_installed_is_not_free(install_plugin) -> None:
    require_free(ACME)
    install_plugin("ganzoo-rival", {"ganzoo_rival": "raise SystemExit"}, acme="ganzoo_rival")
    with pytest.raises(UsageError, match=r"'acme' is taken by ganzoo-rival 1\.0") as raised:
        require_free(ACME)
    assert raised.value.hint == "pip uninstall ganzoo-rival, or choose another"
