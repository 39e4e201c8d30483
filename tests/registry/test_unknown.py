"""Errors for unknown names and missing targets say why, and what to do."""

import re
import sys

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry import Registry
from ganzoo.registry.discovery import discover
from ganzoo.registry.static import registered_names
from tests.registry.plugins import source


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("generator", "dcgn", "no generator 'dcgn' - did you mean 'dcgan'"),
        ("loss", "dcgan", "no loss 'dcgan': 'dcgan' is a generator"),
        ("loss", "quux", "no loss 'quux'$"),
        ("generator", "zo/dcgan", "no plugin with the namespace 'zo' .* did you mean 'zoo'"),
        ("generator", "nobody/dcgan", "no plugin with the namespace 'nobody' is installed$"),
        ("generator", "DCGAN", "an id is NAME or namespace/NAME"),
        ("generator", "zoo/a/b", "an id is NAME or namespace/NAME"),
        ("loss", "local/flat", "is in a file given with --plugin"),
        ("recipe", "zoo/digits-base", "are named without a namespace"),
    ],
)
def test_the_error_for_an_unknown_name_says_why(kind: str, name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        Registry().get(kind, name)
    assert caught.value.hint


def test_the_hint_is_what_to_install_if_that_is_known() -> None:
    with pytest.raises(PluginError) as caught:
        Registry().get("loss", "nobody/flat", requirement="nobody-gans==2")
    assert caught.value.hint == "pip install nobody-gans==2"
    with pytest.raises(PluginError) as caught:
        Registry().get("loss", "nobody/flat")
    assert "the distribution that has 'nobody'" in str(caught.value.hint)


def test_a_name_that_is_not_a_component_can_be_suggested() -> None:
    with pytest.raises(PluginError, match="did you mean 'my-recipe'") as caught:
        Registry().find("my-recpe", others=["my-recipe"])
    assert caught.value.hint == "ganzoo info my-recipe"


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("name", ["ladder", "laddr"])
def test_a_bare_name_of_another_plugin_is_suggested_without_loading_it(
    install_plugin, loaded: bool, name: str
) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry()
    if loaded:
        registry.namespaces()
    told = f"no generator '{name}': a bare name is the zoo's own - did you mean 'acme/ladder'?"
    with pytest.raises(PluginError, match=re.escape(told)):
        registry.get("generator", name)
    assert ("ganzoo_acme" in sys.modules) == loaded


def test_names_are_read_from_the_source_of_a_package_or_module_and_no_code_runs(
    install_plugin,
) -> None:
    hooks = """
        raise SystemExit("was run")
        def register_losses(add):
            add(name="flat", target="x:y")
            add(NAME, "x:y")
            print("other")
        def register_nothing(register):
            register("nothing", "x:y")
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme/__init__.py": hooks}, acme="ganzoo_acme")
    inner = {"ganzoo_b/__init__.py": "raise SystemExit", "ganzoo_b/hooks.py": hooks}
    install_plugin("ganzoo-b", inner, b="ganzoo_b.hooks")
    install_plugin("ganzoo-c", {"ganzoo_c": "def register_losses(:"}, c="ganzoo_c")
    install_plugin("ganzoo-d", {}, d="ganzoo_d")
    seen = {each.name: registered_names(each) for each in discover()}
    assert seen["acme"] == seen["b"] == [("loss", "flat")]
    assert seen["c"] == seen["d"] == []


def test_a_plugin_that_is_switched_off_is_not_suggested(
    install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_PLUGINS", "zoo")
    with pytest.raises(PluginError, match="no generator 'ladder'") as caught:
        Registry().get("generator", "ladder")
    assert "acme" not in str(caught.value)


def test_without_the_zoo_the_hint_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.registry.registry.discover", list)
    with pytest.raises(PluginError, match="zoo's own plugin is not installed") as caught:
        Registry().get("generator", "dcgan")
    assert caught.value.hint == 'pip install "ganzoo-core[zoo]"'


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ganzoo_acme_nets:Genrator", "has no 'Genrator' - did you mean 'Generator'"),
        ("ganzoo_acme_nets:NUMBER", "has no class or function 'NUMBER', but 3"),
        ("ganzoo_acme_gone:Generator", "cannot be imported: ModuleNotFoundError"),
        ("ganzoo_acme_exits:Generator", "cannot be imported: SystemExit: 4"),
    ],
)
def test_the_error_for_a_missing_target_names_its_owner(
    target: str, message: str, install_plugin
) -> None:
    modules = source() | {"ganzoo_acme_exits": "raise SystemExit(4)"}
    modules["ganzoo_acme"] = modules["ganzoo_acme"].replace("ganzoo_acme_nets:Generator", target)
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    registry = Registry()
    ladder = registry.get("generator", "acme/ladder")
    with pytest.raises(PluginError, match=message) as caught:
        registry.resolve(ladder)
    assert "generator 'acme/ladder' (ganzoo-acme 1.0)" in str(caught.value)
    assert caught.value.hint in (
        "pip install --upgrade ganzoo-acme, or tell its author",
        f'python -c "import {target.partition(":")[0]}"',
    )
