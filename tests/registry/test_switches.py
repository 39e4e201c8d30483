"""``GANZOO_PLUGINS`` and ``GANZOO_STRICT``, and the errors about what they leave out."""

import sys
from pathlib import Path

import pytest

from ganzoo.components.planner import make_plan
from ganzoo.errors import BrokenPlugin, PluginError, UsageError
from ganzoo.recipes import Recipe
from ganzoo.registry import Registry
from ganzoo.registry.discovery import BUNDLED_DISTRIBUTIONS
from tests.registry.plugins import LOCAL, source


@pytest.mark.parametrize(
    ("value", "usable"),
    [("", set()), ("acme", {"acme"}), ("zoo, acme", {"zoo", "acme"}), ("zoo", {"zoo"})],
)
def test_ganzoo_plugins_is_the_list_of_what_may_be_loaded(
    value: str, usable: set[str], install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_PLUGINS", value)
    found = Registry().namespaces()
    assert {each.name for each in found if each.status == "ok"} == usable
    disabled = {*BUNDLED_DISTRIBUTIONS, "acme"} - usable
    assert {each.name for each in found if each.status == "disabled"} == disabled


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (
            "zoo,acmee",
            "no plugin 'acmee' is installed - did you mean 'acme'",
            "unset GANZOO_PLUGINS",
        ),
        (
            "ganzoo-acme",
            "no plugin 'ganzoo-acme' is installed - did you mean 'acme'",
            "unset GANZOO_PLUGINS",
        ),
        ("zoo acme", "'zoo acme' is not a namespace", "export GANZOO_PLUGINS=zoo,acme"),
        ("zoo;acme", "'zoo;acme' is not a namespace", "export GANZOO_PLUGINS=zoo,acme"),
    ],
)
def test_an_unknown_word_in_ganzoo_plugins_is_an_error(
    value: str, message: str, hint: str, install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_PLUGINS", value)
    with pytest.raises(UsageError, match=message) as caught:
        Registry().namespaces()
    assert str(caught.value.hint).startswith(hint)


def test_a_file_given_as_a_plugin_is_loaded_whatever_ganzoo_plugins_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(LOCAL)
    for value in ("", "zoo", "local"):
        monkeypatch.setenv("GANZOO_PLUGINS", value)
        assert Registry.with_local(tmp_path / "mine.py").get("loss", "local/flat")


REFUSED = {
    "disabled": ({}, "disabled: left out by GANZOO_PLUGINS", "export GANZOO_PLUGINS=acme,zoo"),
    "newer": ({"group": "ganzoo.v2"}, "made for ganzoo.v2", "pip install --upgrade ganzoo-core"),
    "older": ({"group": "ganzoo.v0"}, "made for ganzoo.v0", "pip install --upgrade ganzoo-acme"),
    "reserved": ({"zoo": "a"}, "one namespace, this one has", "pip uninstall ganzoo-acme, and"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_the_error_for_a_refused_plugin_says_what_to_do(
    why: str, install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, message, hint = REFUSED[why]
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme", **more)
    if why == "disabled":
        monkeypatch.setenv("GANZOO_PLUGINS", "zoo")
    with pytest.raises(PluginError, match=message) as caught:
        Registry().get("generator", "acme/ladder")
    assert str(caught.value.hint).startswith(hint)


def test_the_hint_for_a_clash_is_to_uninstall_either_plugin(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    install_plugin("acme-gans", source("acme_gans"), acme="acme_gans")
    with pytest.raises(PluginError) as caught:
        Registry().get("generator", "acme/ladder")
    assert caught.value.hint == "pip uninstall acme-gans, or pip uninstall ganzoo-acme"


def test_a_registry_for_certain_namespaces_loads_no_other(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry(["zoo"])
    assert {each.namespace for each in registry.list("generator")} == {"zoo"}
    assert "ganzoo_acme" not in sys.modules
    with pytest.raises(PluginError, match="is disabled: not among the namespaces asked for"):
        registry.get("generator", "acme/ladder")


@pytest.mark.parametrize("raised", [ImportError("gone"), SystemExit(3)])
def test_strict_raises_with_what_the_plugin_raised_as_its_cause(
    raised: BaseException, install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": f"raise {raised!r}"}, acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_STRICT", "1")
    with pytest.raises(BrokenPlugin, match=r"plugin 'acme' \(ganzoo-acme 1\.0\)") as caught:
        Registry().namespaces()
    assert repr(caught.value.__cause__) == repr(raised)


def test_strict_raises_even_where_a_recipe_quotes_the_errors_of_plugins(
    install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "import nothing_here"}, acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_STRICT", "1")
    with pytest.raises(BrokenPlugin):
        make_plan(Recipe.load("digits-dcgan-hinge", ["loss=acme/fine"]), Registry())


@pytest.mark.parametrize(("value", "fails"), [("0", False), ("", False), ("yes", True)])
def test_strict_is_on_or_off_and_nothing_else(
    value: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_STRICT", value)
    if fails:
        with pytest.raises(UsageError, match="GANZOO_STRICT is 'yes', but 1 is on and 0 is off"):
            Registry().namespaces()
    else:
        assert Registry().namespaces()
