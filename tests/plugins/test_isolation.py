"""Wheels of third parties in one environment: each has its own error and affects no other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.distributions import TROUBLES
from tests.plugins.environment import Environment

pytestmark = pytest.mark.slow


Listed = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Which modules of plugins `ganzoo plugins` imported, once `listed` is there."""
    return tmp_path_factory.mktemp("log") / "imported"


@pytest.fixture(scope="module")
def listed(crowd: Environment, log: Path) -> Listed:
    """Distribution → what `ganzoo plugins --json` says of it."""
    found = json.loads(crowd.ganzoo("plugins", "--json", IMPORTED=str(log)).stdout)
    listed = {each["distribution"]: each for each in found}
    assert len(listed) == len(found)
    return listed


def imported_by(crowd: Environment, log: Path, *words: str) -> set[str]:
    crowd.ganzoo(*words, IMPORTED=str(log))
    return set(log.read_text().split()) if log.exists() else set()


# --- trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", TROUBLES)
def test_a_plugin_in_trouble_is_listed_with_its_error_and_hint_and_brings_nothing(
    what: str, listed: Listed
) -> None:
    trouble = TROUBLES[what]
    found = listed[trouble.distribution.name]
    assert (found["namespace"], found["version"]) == (trouble.namespace, "1.0")
    assert (found["status"], found["origin"]) == (trouble.status, "third-party")
    assert re.match(trouble.error, found["error"]), found["error"]
    assert found["hint"] == trouble.advice
    assert found["components"] == {}


@pytest.mark.parametrize("what", [what for what in TROUBLES if TROUBLES[what].namespace != "zoo"])
def test_a_component_of_a_plugin_in_trouble_gives_the_same_error_and_hint(
    what: str, crowd: Environment
) -> None:
    trouble = TROUBLES[what]
    done = crowd.ganzoo("info", f"{trouble.namespace}/flat", expect=2)
    message, hint = done.stderr.splitlines()
    assert re.search(trouble.error, message), message
    assert message.startswith(f"no component '{trouble.namespace}/flat': plugin ")
    assert hint == f"try: {trouble.advice}"


def test_a_recipe_that_needs_a_broken_plugin_quotes_its_error_at_the_line_that_names_it(
    crowd: Environment,
) -> None:
    recipe = crowd.workplace / "needs.yaml"
    recipe.write_text("recipe: 1\nextends: digits-base\nloss: missing/flat\n")
    message, hint = crowd.ganzoo("check", "needs.yaml", expect=2).stderr.splitlines()
    assert message == (
        "needs.yaml:3:1  loss  no loss 'missing/flat': plugin 'missing' (ganzoo-missing 1.0) is"
        " broken: ModuleNotFoundError: No module named 'no_such_module_anywhere'"
        " (ganzoo_missing/__init__.py, line 6)"
    )
    assert hint == "try: GANZOO_STRICT=1 GANZOO_PLUGINS=missing ganzoo plugins"


def test_the_hint_for_a_broken_plugin_shows_where_it_breaks(crowd: Environment) -> None:
    done = crowd.ganzoo("plugins", expect=2, GANZOO_STRICT="1", GANZOO_PLUGINS="exits")
    assert re.search(r'ganzoo_exits/__init__\.py", line 6, in <module>\n', done.stderr)
    assert done.stderr.splitlines()[-1].startswith("plugin 'exits' (ganzoo-exits 1.0) is broken")


def test_a_factory_into_which_a_misspelt_parameter_would_vanish_is_refused(
    crowd: Environment,
) -> None:
    done = crowd.ganzoo("info", "loose/loose", expect=2)
    assert "loose/loose takes **parameters: float" in done.stderr
    assert "a misspelt parameter would vanish" in done.stderr


# --- nobody is harmed ----------------------------------------------------------------------------


def test_working_plugins_bring_all_their_components(listed: Listed) -> None:
    well = {name for name, each in listed.items() if each["status"] == "ok"}
    assert well == {
        "ganzoo-zoo",
        *(f"ganzoo-{each}" for each in ("acme", "slow", "eager", "eager-too", "loose")),
        "ganzoo-seen-twice",
    }
    assert listed["ganzoo-acme"]["components"] == {"losses": 1, "recipes": 1}
    assert listed["ganzoo-zoo"]["origin"] == "bundled"
    assert listed["ganzoo-zoo"]["components"]["generators"] >= 3


def test_a_list_has_the_components_of_all_working_plugins_and_names_the_others(
    crowd: Environment,
) -> None:
    done = crowd.ganzoo("list", "losses")
    ids = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert {"hinge", "acme/flat", "slow/flat", "eager/flat", "seen-twice/flat"} <= set(ids)
    left_out = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == len(TROUBLES)
    assert done.stderr.splitlines()[-1] == "try: ganzoo plugins"


@pytest.mark.parametrize("words", ["--help", "--version", "plugins --help", "ls"])
def test_no_plugin_is_imported_for(words: str, crowd: Environment, tmp_path: Path) -> None:
    assert imported_by(crowd, tmp_path / "log", *words.split()) == set()


def test_a_recipe_imports_the_plugins_that_it_names_and_no_other(
    crowd: Environment, tmp_path: Path
) -> None:
    assert imported_by(crowd, tmp_path / "log", "check", "acme/digits") == {"ganzoo_acme"}


def test_what_can_be_refused_by_its_metadata_is_not_imported(listed: Listed, log: Path) -> None:
    imported = set(log.read_text().split())
    assert {"ganzoo_acme", "ganzoo_exits", "ganzoo_slow"} <= imported
    assert not imported & {"ganzoo_future", "ganzoo_twin_a", "ganzoo_twin_b", "not_the_zoo"}


# --- slow, eager, seen twice ---------------------------------------------------------------------


def test_a_plugin_that_takes_long_to_import_is_listed_with_its_time(
    listed: Listed,
) -> None:
    assert listed["ganzoo-slow"]["load_ms"] >= 300  # it looks at the clock until then


def test_every_plugin_that_imports_torch_is_named_as_such_and_no_other(
    listed: Listed,
) -> None:
    loads_torch = {name for name, each in listed.items() if each["loads_torch"]}
    assert loads_torch == {"ganzoo-eager", "ganzoo-eager-too"}


def test_of_an_editable_install_and_a_wheel_the_one_that_python_imports_counts(
    crowd: Environment, listed: Listed
) -> None:
    assert listed["ganzoo-seen-twice"]["version"] == "2.0"
    imported = crowd.python("-c", "import ganzoo_seen_twice; print(ganzoo_seen_twice.__file__)")
    assert Path(imported).is_relative_to(crowd.path.with_name("source"))


# --- switches ------------------------------------------------------------------------------------


def test_what_ganzoo_plugins_leaves_out_is_not_imported_and_says_how_to_enable_it(
    crowd: Environment, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    done = crowd.ganzoo("plugins", "--json", GANZOO_PLUGINS="zoo,acme", IMPORTED=str(log))
    statuses = {each["distribution"]: each["status"] for each in json.loads(done.stdout)}
    assert log.read_text().split() == ["ganzoo_acme"]
    assert {name for name, status in statuses.items() if status == "ok"} == {
        "ganzoo-zoo",
        "ganzoo-acme",
    }
    assert statuses["ganzoo-slow"] == statuses["ganzoo-missing"] == "disabled"
    needed = crowd.ganzoo("check", "acme/digits", expect=2, GANZOO_PLUGINS="zoo")
    assert needed.stderr.splitlines() == [
        "no recipe 'acme/digits': plugin 'acme' (ganzoo-acme 1.0) is disabled:"
        " left out by GANZOO_PLUGINS",
        "try: export GANZOO_PLUGINS=acme,zoo",
    ]
