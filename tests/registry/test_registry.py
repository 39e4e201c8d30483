"""Plugins are made on disk as an installer leaves them; each is loaded alone, or refused."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from ganzoo.build.planner import make_plan
from ganzoo.errors import BrokenPlugin, PluginError, UsageError
from ganzoo.recipes import Recipe
from ganzoo.registry import Namespace, Registry

GENERATOR = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_generators(register):
        register("unet", "{module}_nets:Generator", revision=2, summary="U-Net")
        register("tiny", "{module}_nets:Tiny")
"""
NETS = """
    class Generator: ...
    class Tiny: ...
    NUMBER = 3
"""


def source(module: str = "ganzoo_acme") -> dict[str, str]:
    return {module: GENERATOR.format(module=module), f"{module}_nets": NETS}


def named(registry: Registry, namespace: str) -> list[Namespace]:
    return [each for each in registry.namespaces() if each.name == namespace]


def only(namespace: str) -> Namespace:
    (found,) = named(Registry(), namespace)
    return found


# --- what works ----------------------------------------------------------------------------------


def test_an_installed_plugin_brings_its_components_with_their_provenance(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), version="1.2", acme="ganzoo_acme")
    unet = Registry().get("generator", "acme/unet")
    assert (unet.id, unet.revision, unet.summary) == ("acme/unet", 2, "U-Net")
    assert (unet.distribution, unet.version) == ("ganzoo-acme", "1.2")
    assert only("acme").status == "ok"
    assert only("acme").origin == "third-party"


def test_resolve_imports_the_factory(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry()
    factory = registry.resolve(registry.get("generator", "acme/unet"))
    assert factory is sys.modules["ganzoo_acme_nets"].Generator


def test_get_loads_the_namespace_asked_for_and_no_other(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    install_plugin("ganzoo-beta", source("ganzoo_beta"), beta="ganzoo_beta")
    Registry().get("generator", "acme/unet")
    assert "ganzoo_acme" in sys.modules
    assert "ganzoo_beta" not in sys.modules
    assert "ganzoo_acme_nets" not in sys.modules


def test_a_bare_name_is_the_zoos_whatever_else_is_installed(install_plugin) -> None:
    install_plugin(
        "ganzoo-acme",
        {"ganzoo_acme": GENERATOR.format(module="a").replace("unet", "dcgan")},
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
    assert [each.id for each in registry.list("generator", "acme/*")] == ["acme/tiny", "acme/unet"]
    assert [each.id for each in registry.list("generator", "*net")] == ["acme/unet", "zoo/resnet"]
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
            register("gone", "ganzoo_acme:recipes/gone.yaml")
    """
    modules = {"ganzoo_acme/__init__.py": text, "ganzoo_acme/recipes/faces.yaml": "recipe: 1\n"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    registry = Registry()
    assert registry.resolve(registry.get("recipe", "acme/faces")).read_text() == "recipe: 1\n"
    with pytest.raises(PluginError, match=r"no file recipes/gone\.yaml"):
        registry.resolve(registry.get("recipe", "acme/gone"))


def test_a_recipe_that_is_registered_in_a_module_without_a_folder_is_told_so(
    install_plugin,
) -> None:
    text = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_recipes(register):
            register("faces", "ganzoo_acme:recipes/faces.yaml")
    """
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    registry = Registry()
    with pytest.raises(PluginError, match=r"has no file .*: it is a module, and files are in"):
        registry.resolve(registry.get("recipe", "acme/faces"))


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


def test_every_plugin_that_imports_torch_is_known_not_only_the_first(install_plugin) -> None:
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
assert len(plugins) == 6, plugins
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- broken plugins ------------------------------------------------------------------------------

HOOK = """
    from ganzoo.api import hookimpl

    @hookimpl
    def {hook}(register):
        register("fine", "ganzoo_acme:Fine")
        {call}
"""


def hook(call: str, name: str = "register_losses") -> str:
    return HOOK.format(hook=name, call=call)


BROKEN = {
    "a missing import": ("import no_such_module_at_all", "ModuleNotFoundError: .*no_such_module"),
    "a syntax error": ("def broken(:", r"SyntaxError: .*ganzoo_acme\.py, line 1"),
    "an exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "an exception that is no Exception": ("raise BaseException('panic')", "BaseException: panic"),
    "an error in a hook": (hook("1 / 0"), "ZeroDivisionError"),
    "an argument that no hook has": (
        hook("pass").replace("(register)", "(register, registry)"),
        "registry",
    ),
    "an unknown keyword": (hook("register('x', 'a:B', colour=1)"), "TypeError: .*colour"),
    "a misspelt hook": (
        hook("pass", "register_generatorz"),
        "no hook 'register_generatorz' - did you mean 'register_generators'",
    ),
    "a forgotten marker": (
        hook("pass").replace("@hookimpl", ""),
        "register_losses has no @hookimpl",
    ),
    "a wrapper": (
        hook("yield").replace("@hookimpl", "@hookimpl(wrapper=True)"),
        "register_losses is a wrapper",
    ),
    "a class for a target": (hook("register('x', object)"), "the target is a string"),
    "a target without a factory": (hook("register('x', 'a.b')"), "target 'a.b' is not"),
    "a target that is code": (hook("register('x', 'os:system(1)')"), "is not 'package"),
    "a target for a recipe that climbs": (
        hook("register('x', 'a:../b.yaml')", "register_recipes").replace(
            "ganzoo_acme:Fine", "a:b.yaml"
        ),
        "is not 'package:path/inside/it.yaml'",
    ),
    "another's namespace": (
        hook("register('zoo/dcgan', 'a:B')"),
        "loss 'zoo/dcgan': a name has no namespace; all that this plugin has is acme/NAME",
    ),
    "no hook at all": ("register = print", "it has no hook"),
    "a bad name": (hook("register('U_Net', 'a:B')"), "loss 'U_Net': a name has lower case"),
    "one id twice": (
        hook("register('fine', 'a:B')"),
        r"loss 'fine': registered twice by ganzoo-acme 1\.0",
    ),
    "a revision of zero": (hook("register('x', 'a:B', revision=0)"), "revision 0"),
    "a summary that is no text": (hook("register('x', 'a:B', summary=5)"), "summary 5 is not one"),
    "a summary that would colour everybody's table": (
        hook(r"register('x', 'a:B', summary='\x1b[31mred')"),
        "summary .* is not one line of text",
    ),
    "a paper of two lines": (hook(r"register('x', 'a:B', paper='a\nb')"), "paper .* is not one"),
    "a split that is a number": (hook("register('x', 'a:B', splits=[1])"), "word 1 is not one"),
    "a misspelt capability": (
        hook("register('x', 'a:B', capabilities={'conditionl'})"),
        "unknown capability 'conditionl' - did you mean 'conditional'",
    ),
    "a misspelt modality": (
        hook("register('x', 'a:B', modalities={'imgae'})"),
        "unknown modality 'imgae' - did you mean 'image'",
    ),
    "a string for a set": (hook("register('x', 'a:B', modalities='image')"), "not the string"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_listed_with_its_error_and_brings_nothing(
    what: str, install_plugin
) -> None:
    text, message = BROKEN[what]
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, version="1.0", acme="ganzoo_acme")
    registry = Registry()
    with pytest.raises(PluginError, match=message):
        registry.get("loss", "acme/fine")
    (acme,) = named(registry, "acme")
    assert acme.status == "broken"
    assert acme.registrations == []
    assert "\n" not in str(acme.error)


def test_a_broken_plugin_harms_nobody_else(install_plugin) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise SystemExit(3)"}, acme="ganzoo_acme")
    install_plugin("ganzoo-beta", source("ganzoo_beta"), beta="ganzoo_beta")
    statuses = {each.name: each.status for each in Registry().namespaces()}
    assert statuses == {"zoo": "ok", "acme": "broken", "beta": "ok"}


def test_a_recipe_that_needs_a_broken_plugin_is_told_its_error_and_whose_it_is(
    install_plugin,
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "import nothing_here"}, acme="ganzoo_acme")
    with pytest.raises(
        PluginError,
        match=r"'acme/unet': plugin 'acme' \(ganzoo-acme 1\.0\) is broken: .*nothing_here",
    ) as caught:
        Registry().get("generator", "acme/unet")
    assert "GANZOO_STRICT=1" in str(caught.value.hint)


@pytest.mark.parametrize("raised", [ImportError("gone"), SystemExit(3)])
def test_strict_raises_with_what_the_plugin_raised_as_its_cause(
    raised: BaseException, install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": f"raise {raised!r}"}, acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_STRICT", "1")
    with pytest.raises(BrokenPlugin, match=r"plugin 'acme' \(ganzoo-acme 1\.0\)") as caught:
        Registry().namespaces()
    assert repr(caught.value.__cause__) == repr(raised)


def test_strict_is_not_held_back_where_a_recipe_quotes_the_errors_of_plugins(
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


def test_the_error_of_a_broken_plugin_says_the_line_of_the_plugin_that_it_comes_from(
    install_plugin,
) -> None:
    modules = {
        "ganzoo_acme/__init__.py": "from ganzoo_acme import hooks",
        "ganzoo_acme/hooks.py": "import json\n\njson.loads(3)\n",
    }
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert str(only("acme").error).startswith("TypeError: the JSON object must be str")
    assert str(only("acme").error).endswith("(hooks.py, line 3)")


def test_ctrl_c_during_an_import_is_not_swallowed(install_plugin) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise KeyboardInterrupt"}, acme="ganzoo_acme")
    with pytest.raises(KeyboardInterrupt):
        Registry().namespaces()


def test_what_a_plugin_prints_while_loading_goes_to_stderr(
    install_plugin, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "print('hello')\n" + dedent(source()["ganzoo_acme"])
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    assert only("acme").status == "ok"
    assert capsys.readouterr() == ("", "hello\n")


# --- refused without being imported --------------------------------------------------------------


@pytest.mark.parametrize("group", ["ganzoo.v2", "ganzoo.v0"])
def test_a_plugin_for_another_api_version_is_listed_and_not_imported(
    group: str, install_plugin
) -> None:
    install_plugin("ganzoo-acme", source(), group=group, acme="ganzoo_acme")
    acme = only("acme")
    assert acme.status == "incompatible"
    assert acme.error == f"made for {group}; this ganzoo loads ganzoo.v1"
    assert "ganzoo_acme" not in sys.modules
    with pytest.raises(PluginError, match="is incompatible: made for"):
        Registry().get("generator", "acme/unet")


def test_two_distributions_with_one_namespace_are_both_refused_and_both_named(
    install_plugin,
) -> None:
    install_plugin("ganzoo-acme", source(), version="1.0", acme="ganzoo_acme")
    install_plugin("acme-gans", source("acme_gans"), version="3.1", acme="acme_gans")
    rivals = named(Registry(), "acme")
    assert [rival.status for rival in rivals] == ["clash", "clash"]
    for rival in rivals:
        assert "ganzoo-acme 1.0" in str(rival.error)
        assert "acme-gans 3.1" in str(rival.error)
    assert not {"ganzoo_acme", "acme_gans"} & set(sys.modules)
    with pytest.raises(PluginError, match=r"refused: acme-gans 3\.1 and ganzoo-acme 1\.0 both"):
        Registry().get("generator", "acme/unet")


def test_only_ganzoo_zoo_may_be_the_zoo_and_it_goes_on_working(install_plugin) -> None:
    install_plugin("not-the-zoo", source("not_zoo"), zoo="not_zoo")
    rivals = {each.distribution: each for each in named(Registry(), "zoo")}
    assert rivals["not-the-zoo"].status == "clash"
    assert rivals["ganzoo-zoo"].status == "ok"
    assert "not_zoo" not in sys.modules
    assert Registry().get("generator", "dcgan").distribution == "ganzoo-zoo"


def test_a_distribution_visible_twice_counts_once_and_the_first_on_the_path_wins(
    install_plugin,
) -> None:
    install_plugin("ganzoo_acme", source(), version="1.0", acme="ganzoo_acme")
    install_plugin("ganzoo-acme", source(), version="2.0", acme="ganzoo_acme")
    acme = only("acme")
    assert (acme.version, acme.status) == ("2.0", "ok")


def test_the_zoo_is_known_by_every_spelling_of_its_distribution(install_plugin) -> None:
    install_plugin("Ganzoo_Zoo", source("ganzoo_acme"), version="9", zoo="ganzoo_acme")
    zoo = only("zoo")
    assert (zoo.version, zoo.origin, zoo.status) == ("9", "bundled", "ok")


def test_a_distribution_has_one_namespace(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme", acme2="ganzoo_acme")
    assert only("acme").status == only("acme2").status == "broken"
    assert "'acme', 'acme2'" in str(only("acme").error)


def test_the_local_namespace_is_kept_for_files(install_plugin) -> None:
    install_plugin("ganzoo-local", source(), local="ganzoo_acme")
    assert only("local").status == "clash"


def test_a_namespace_obeys_the_rules_for_names(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), Acme_1="ganzoo_acme")
    assert only("Acme_1").status == "broken"
    assert "ganzoo_acme" not in sys.modules


def test_other_peoples_damaged_metadata_is_passed_over(install_plugin, tmp_path: Path) -> None:
    site = install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    (site / "other-1.dist-info").mkdir()
    (site / "other-1.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe ganzoo.v1")
    assert only("acme").status == "ok"


def test_entry_points_that_cannot_be_read_are_listed_as_broken(install_plugin) -> None:
    site = install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    (site / "ganzoo_acme-1.0.dist-info" / "entry_points.txt").write_text("[ganzoo.v1]\nacme\n")
    broken = only("ganzoo-acme")
    assert broken.status == "broken"
    assert "entry_points.txt" in str(broken.error)


@pytest.mark.parametrize("value", ["", ": : ;", "os; rm", "ganzoo_acme:"])
def test_an_entry_point_that_names_no_module_is_broken_and_not_tried(
    value: str, install_plugin
) -> None:
    install_plugin("ganzoo-acme", {}, acme=value)
    acme = only("acme")
    assert acme.status == "broken"
    assert str(acme.error).startswith(f"its entry point {value!r} is no module")
    assert acme.hint == "pip uninstall ganzoo-acme, and tell its author"


def test_what_an_interrupted_installation_left_is_broken_and_stands_in_nobodys_way(
    install_plugin,
) -> None:
    for name in ("ganzoo-acme", "ganzoo-beta"):
        site = install_plugin(name, {}, acme="ganzoo_gone")
        (site / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA").unlink()
    install_plugin("ganzoo-whole", source(), acme="ganzoo_acme")
    whole, *left = named(Registry(), "acme")
    assert (whole.distribution, whole.status) == ("ganzoo-whole", "ok")
    assert [each.status for each in left] == ["broken", "broken"]
    assert "METADATA is missing" in str(left[0].error)


# --- switches ------------------------------------------------------------------------------------


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
    assert {each.name for each in found if each.status == "disabled"} == {"zoo", "acme"} - usable


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (
            "zoo,acmee",
            "no plugin 'acmee' is installed - did you mean 'acme'",
            "unset GANZOO_PLUGINS",
        ),
        ("zoo acme", "'zoo acme' is no namespace", "export GANZOO_PLUGINS=zoo,acme"),
        ("zoo;acme", "'zoo;acme' is no namespace", "export GANZOO_PLUGINS=zoo,acme"),
    ],
)
def test_a_word_in_ganzoo_plugins_that_means_nothing_is_an_error(
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
    "newer": ({"group": "ganzoo.v2"}, "made for ganzoo.v2", "pip install --upgrade ganzoo"),
    "older": ({"group": "ganzoo.v0"}, "made for ganzoo.v0", "pip install --upgrade ganzoo-acme"),
    "reserved": ({"zoo": "a"}, "one namespace, this one has", "pip uninstall ganzoo-acme, and"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_whoever_needs_a_refused_plugin_is_told_what_to_do(
    why: str, install_plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, message, hint = REFUSED[why]
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme", **more)
    if why == "disabled":
        monkeypatch.setenv("GANZOO_PLUGINS", "zoo")
    with pytest.raises(PluginError, match=message) as caught:
        Registry().get("generator", "acme/unet")
    assert str(caught.value.hint).startswith(hint)


def test_of_two_rivals_either_may_be_uninstalled(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    install_plugin("acme-gans", source("acme_gans"), acme="acme_gans")
    with pytest.raises(PluginError) as caught:
        Registry().get("generator", "acme/unet")
    assert caught.value.hint == "pip uninstall acme-gans, or pip uninstall ganzoo-acme"


def test_a_registry_for_certain_namespaces_loads_no_other(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry(["zoo"])
    assert {each.namespace for each in registry.list("generator")} == {"zoo"}
    assert "ganzoo_acme" not in sys.modules
    with pytest.raises(PluginError, match="is disabled: not among the namespaces asked for"):
        registry.get("generator", "acme/unet")


# --- names that find nothing ---------------------------------------------------------------------


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
        ("loss", "local/flat", "is what is in the file of --plugin"),
        ("recipe", "zoo/digits-base", "come with ganzoo have no namespace before the name"),
    ],
)
def test_a_name_that_finds_nothing_is_told_why(kind: str, name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        Registry().get(kind, name)
    assert caught.value.hint


def test_the_advice_is_what_pip_has_to_install_where_that_is_known() -> None:
    with pytest.raises(PluginError) as caught:
        Registry().get("loss", "nobody/flat", requirement="nobody-gans==2")
    assert caught.value.hint == "pip install nobody-gans==2"
    with pytest.raises(PluginError) as caught:
        Registry().get("loss", "nobody/flat")
    assert "the distribution that has 'nobody'" in str(caught.value.hint)


def test_what_is_no_component_may_have_been_meant_too() -> None:
    with pytest.raises(PluginError, match="did you mean 'my-recipe'") as caught:
        Registry().find("my-recpe", others=["my-recipe"])
    assert caught.value.hint == "ganzoo info my-recipe"


def test_a_name_that_another_loaded_plugin_has_leads_there(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    registry = Registry()
    registry.namespaces()
    with pytest.raises(PluginError, match="no generator 'unet' - did you mean 'acme/unet'"):
        registry.get("generator", "unet")


def test_without_the_zoo_the_advice_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.registry.registry.discover", list)
    with pytest.raises(PluginError, match="zoo's own plugin is not installed") as caught:
        Registry().get("generator", "dcgan")
    assert caught.value.hint == 'pip install "ganzoo[zoo]"'


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ganzoo_acme_nets:Genrator", "has no 'Genrator' - did you mean 'Generator'"),
        ("ganzoo_acme_nets:NUMBER", "has no class or function 'NUMBER', but 3"),
        ("ganzoo_acme_gone:Generator", "cannot be imported: ModuleNotFoundError"),
        ("ganzoo_acme_exits:Generator", "cannot be imported: SystemExit: 4"),
    ],
)
def test_a_target_that_is_not_there_is_told_with_its_owner(
    target: str, message: str, install_plugin
) -> None:
    modules = source() | {"ganzoo_acme_exits": "raise SystemExit(4)"}
    modules["ganzoo_acme"] = modules["ganzoo_acme"].replace("ganzoo_acme_nets:Generator", target)
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    registry = Registry()
    unet = registry.get("generator", "acme/unet")
    with pytest.raises(PluginError, match=message) as caught:
        registry.resolve(unet)
    assert "generator 'acme/unet' (ganzoo-acme 1.0)" in str(caught.value)
    assert caught.value.hint in (
        "pip install --upgrade ganzoo-acme, or tell its author",
        f'python -c "import {target.partition(":")[0]}"',
    )


# --- one file as a plugin ------------------------------------------------------------------------

LOCAL = """
from ganzoo.api import hookimpl

class Flat: ...

@hookimpl
def register_losses(register):
    register("flat", "my_loss:Flat")
"""


def test_one_file_is_the_namespace_local_and_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    registry = Registry.with_local(file)
    flat = registry.get("loss", "local/flat")
    assert registry.resolve(flat).__name__ == "Flat"
    assert registry.local_file == file
    assert registry.local_source == LOCAL.encode()
    assert registry.local_sha256 == hashlib.sha256(LOCAL.encode()).hexdigest()
    assert registry.namespaces()[0].origin == "local"
    assert not (tmp_path / "__pycache__").exists()


def test_a_local_file_without_what_it_registers_is_named_as_the_user_knows_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(LOCAL.replace(":Flat", ":Falt"))
    registry = Registry.with_local(tmp_path / "mine.py")
    with pytest.raises(PluginError) as caught:
        registry.resolve(registry.get("loss", "local/flat"))
    assert caught.value.message == (
        "loss 'local/flat' (mine.py): the file has no 'Falt' - did you mean 'Flat'?"
    )


@pytest.mark.parametrize("name", ["plugin.py", "json.py", "my-loss.py"])
def test_a_copy_of_the_file_works_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LOCAL)
    registry = Registry.with_local(tmp_path / name)
    assert registry.resolve(registry.get("loss", "local/flat")).__name__ == "Flat"


def test_two_files_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    flats = []
    for folder, text in (("a", LOCAL), ("b", LOCAL + "NUMBER = 2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "plugin.py").write_text(text)
        registry = Registry.with_local(tmp_path / folder / "plugin.py")
        flats.append(registry.resolve(registry.get("loss", "local/flat")))
    assert flats[0] is not flats[1]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    Registry.with_local(file)
    file.write_text(LOCAL.replace("flat", "deep"))
    assert Registry.with_local(file).get("loss", "local/deep").name == "deep"


def test_the_source_of_a_local_class_can_be_found(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    registry = Registry.with_local(file)
    target = registry.get("loss", "local/flat").target
    spec = importlib.util.find_spec(target.partition(":")[0])
    assert spec is not None
    assert spec.origin == str(file)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\nimport no_such_module_at_all", r"ModuleNotFoundError: .*\(mine\.py, line 2\)"),
        ("def broken(:", r"SyntaxError: .*\(mine\.py, line 1\)"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(mine\.py, line 1\)"),
        ("class Flat: ...", "it has no hook: no function register_… marked with @hookimpl"),
        (LOCAL.replace("losses", "lozzes"), "no hook 'register_lozzes' - did you mean"),
        (LOCAL.replace("losses", "recipes").replace(":Flat", ":f.yaml"), ".* brings no recipes"),
    ],
)
def test_a_local_file_that_cannot_be_loaded_is_an_error_at_once(
    text: str, error: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(PluginError, match=rf"the plugin .*/mine\.py is broken: {error}") as caught:
        Registry.with_local(file)
    assert caught.value.hint == f"GANZOO_STRICT=1 ganzoo plugins --plugin {file}"


def test_a_local_file_that_imports_its_neighbour_is_told_that_it_stands_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text("import helpers_of_mine")
    (tmp_path / "helpers_of_mine.py").write_text("")
    with pytest.raises(PluginError, match=r"it imports helpers_of_mine\.py, but .* is one file"):
        Registry.with_local(tmp_path / "mine.py")


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the plugin .*gone\.py: No such file"):
        Registry.with_local(tmp_path / "gone.py")
