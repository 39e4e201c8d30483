"""Plugins are made on disk as an installer leaves them; each is loaded alone, by its name."""

import subprocess
import sys

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry import Registry
from tests.registry.plugins import GENERATOR, only, source


def test_an_installed_plugin_brings_its_components_with_their_provenance(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), version="1.2", acme="ganzoo_acme")
    ladder = Registry().get("generator", "acme/ladder")
    assert (ladder.id, ladder.revision, ladder.summary) == ("acme/ladder", 2, "U-Net")
    assert (ladder.distribution, ladder.version) == ("ganzoo-acme", "1.2")
    assert only("acme").status == "ok"
    assert only("acme").origin == "third-party"


def test_resolve_imports_the_factory(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry()
    factory = registry.resolve(registry.get("generator", "acme/ladder"))
    assert factory is sys.modules["ganzoo_acme_nets"].Generator


def test_get_loads_the_namespace_asked_for_and_no_other(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    install_plugin("ganzoo-beta", source("ganzoo_beta"), beta="ganzoo_beta")
    Registry().get("generator", "acme/ladder")
    assert "ganzoo_acme" in sys.modules
    assert "ganzoo_beta" not in sys.modules
    assert "ganzoo_acme_nets" not in sys.modules


def test_a_bare_name_is_the_zoos_whatever_else_is_installed(install_plugin) -> None:
    install_plugin(
        "ganzoo-acme",
        {"ganzoo_acme": GENERATOR.format(module="a").replace("ladder", "dcgan")},
        acme="ganzoo_acme",
    )
    registry = Registry()
    registry.namespaces()
    assert registry.get("generator", "dcgan").distribution == "ganzoo-zoo"
    assert registry.get("generator", "acme/dcgan").distribution == "ganzoo-acme"


def test_find_returns_the_components_of_every_kind_that_have_a_name() -> None:
    kinds = {each.kind for each in Registry().find("dcgan")}
    assert kinds == {"generator", "discriminator"}
    with pytest.raises(PluginError, match="no component 'dcgn' - did you mean 'dcgan'"):
        Registry().find("dcgn")


def test_list_matches_full_ids_and_the_zoos_bare_names(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry()
    assert [each.id for each in registry.list("generator", "dcgan")] == ["zoo/dcgan"]
    assert [each.id for each in registry.list("generator", "acme/*")] == [
        "acme/ladder",
        "acme/tiny",
    ]
    assert [each.id for each in registry.list("generator", "*d*er")] == ["acme/ladder"]
    everything = [each.id for each in registry.list("generator")]
    assert everything == sorted(everything)


def test_a_hook_implementation_is_called_with_the_arguments_that_it_names(install_plugin) -> None:
    text = """
        from ganzoo.api import hookimpl
        called = []

        @hookimpl
        def register_losses():
            called.append("losses")
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    assert only("acme").status == "ok"
    assert sys.modules["ganzoo_acme"].called == ["losses"]


def test_an_instance_with_methods_can_be_the_plugin(install_plugin) -> None:
    text = """
        from ganzoo.api import hookimpl

        class Plugin:
            @hookimpl
            def register_losses(self, register):
                register("flat", "ganzoo_acme:Plugin")

        plugin = Plugin()
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme:plugin")
    assert Registry().get("loss", "acme/flat").id == "acme/flat"


def test_other_ids_in_a_registration_are_completed(install_plugin) -> None:
    text = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_datasets(register):
            register("faces", "ganzoo_acme:Faces", extractor="toy-cnn")

        @hookimpl
        def register_extractors(register):
            register("mine", "ganzoo_acme:Mine", datasets=["acme/faces", "digits"])
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    registry = Registry()
    assert registry.get("dataset", "acme/faces").extractor == "zoo/toy-cnn"
    assert registry.get("extractor", "acme/mine").datasets == ("acme/faces", "zoo/digits")


def test_a_recipe_resolves_to_the_file_inside_its_package(install_plugin) -> None:
    text = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_recipes(register):
            register("faces", "ganzoo_acme:recipes/faces.yaml")
    """
    modules = {"ganzoo_acme/__init__.py": text, "ganzoo_acme/recipes/faces.yaml": "recipe: 1\n"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    registry = Registry()
    assert registry.resolve(registry.get("recipe", "acme/faces")).read_text() == "recipe: 1\n"


def test_a_recipe_in_a_package_that_is_not_imported_yet_is_looked_up_when_it_is_needed(
    install_plugin,
) -> None:
    text = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_recipes(register):
            register("faces", "ganzoo_acme.more:faces.yaml")
            register("gone", "ganzoo_acme.more:gone.yaml")
    """
    modules = {
        "ganzoo_acme/__init__.py": text,
        "ganzoo_acme/more/__init__.py": "",
        "ganzoo_acme/more/faces.yaml": "recipe: 1\n",
    }
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    registry = Registry()
    gone = registry.get("recipe", "acme/gone")
    assert "ganzoo_acme.more" not in sys.modules
    assert registry.resolve(registry.get("recipe", "acme/faces")).read_text() == "recipe: 1\n"
    with pytest.raises(PluginError, match=r"ganzoo_acme\.more has no file gone\.yaml"):
        registry.resolve(gone)


def test_a_recipe_in_a_module_without_a_folder_is_an_error_that_says_so(
    install_plugin,
) -> None:
    text = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_recipes(register):
            register("faces", "ganzoo_acme:recipes/faces.yaml")
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    with pytest.raises(PluginError, match=r"has no file .*: it is a module, and files are in"):
        Registry().get("recipe", "acme/faces")


def test_listing_the_whole_zoo_imports_no_torch() -> None:
    code = """
import sys
from ganzoo.api import HOOKS
from ganzoo.registry import Registry
registry = Registry()
(zoo,) = [each for each in registry.namespaces() if each.name == "zoo"]
assert zoo.status == "ok" and zoo.origin == "bundled" and not zoo.eager_torch, zoo
assert sum(len(registry.list(kind)) for kind in HOOKS) >= len(zoo.registrations) > 20
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


EAGER = """
    {imports}
    from ganzoo.api import hookimpl

    @hookimpl
    def register_losses(register):
        register("flat", "{name}:Flat")
"""
IMPORTS = {
    "eager1": "import torch",
    "eager2": "import torch",
    "eager3": "from torch import nn",
    "eager4": "from torch.nn.functional import relu",
    "lazy": "import json",
}


def test_every_plugin_that_imports_torch_is_found_not_only_the_first(install_plugin) -> None:
    sites = [
        install_plugin(name, {name: EAGER.format(imports=imports, name=name)}, **{name: name})
        for name, imports in IMPORTS.items()
    ]
    code = f"""
import sys
sys.path[:0] = {list(map(str, sites))}
from ganzoo.registry import Registry
plugins = {{each.name: each.eager_torch for each in Registry().namespaces()}}
assert plugins == {{name: name.startswith("eager") for name in plugins}}, plugins
assert {{*{sorted(IMPORTS)}}} < set(plugins), plugins
"""
    subprocess.run([sys.executable, "-c", code], check=True)
