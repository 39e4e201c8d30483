"""A plugin that cannot be loaded is listed with its error and affects no other plugin."""

from textwrap import dedent

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry import Registry
from ganzoo.registry.discovery import BUNDLED_DISTRIBUTIONS
from tests.registry.plugins import named, only, source

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
        r"^.*: register_losses\(register, registry\): a hook has one argument, and it is called",
    ),
    "an argument of another name": (
        hook("pass").replace("(register)", "(reg)"),
        r"register_losses\(reg\): a hook has one argument, and it is called 'register'$",
    ),
    "an unknown keyword": (
        hook("register('x', 'a:B', colour=1)"),
        r"loss 'x': register\(\) has no argument 'colour' \(ganzoo_acme\.py, line 7\)",
    ),
    "a misspelt keyword": (
        hook("register('x', 'a:B', capabilites={'features'})"),
        r"register\(\) has no argument 'capabilites' - did you mean 'capabilities'",
    ),
    "a recipe whose file is not there": (
        hook("pass", "register_recipes").replace("ganzoo_acme:Fine", "json:gone.yaml"),
        r"recipe 'fine': json has no file gone\.yaml",
    ),
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
        "loss 'zoo/dcgan': a name has no namespace; everything in this plugin is acme/NAME",
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


def test_the_error_of_a_broken_plugin_is_one_line_that_a_terminal_can_show(
    install_plugin,
) -> None:
    text = "raise ValueError('\\x1b[31mred\\n' + 'long ' * 1000)"
    install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")
    error = str(only("acme").error)
    assert error.startswith("ValueError: [31mred long long")
    assert error.endswith("… (ganzoo_acme.py, line 1)")
    assert len(error) < 600


def test_a_broken_plugin_affects_no_other(install_plugin) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise SystemExit(3)"}, acme="ganzoo_acme")
    install_plugin("ganzoo-beta", source("ganzoo_beta"), beta="ganzoo_beta")
    statuses = {each.name: each.status for each in Registry().namespaces()}
    assert statuses == {
        **dict.fromkeys(BUNDLED_DISTRIBUTIONS, "ok"),
        "acme": "broken",
        "beta": "ok",
    }


def test_the_error_for_a_component_of_a_broken_plugin_quotes_that_plugin(
    install_plugin,
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "import nothing_here"}, acme="ganzoo_acme")
    with pytest.raises(
        PluginError,
        match=r"'acme/ladder': plugin 'acme' \(ganzoo-acme 1\.0\) is broken: .*nothing_here",
    ) as caught:
        Registry().get("generator", "acme/ladder")
    assert "GANZOO_STRICT=1" in str(caught.value.hint)


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


def test_a_syntax_error_says_which_package_the_file_is_in(install_plugin) -> None:
    modules = {"ganzoo_acme/__init__.py": "x = 1\ndef broken(:\n"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert only("acme").error == "SyntaxError: invalid syntax (ganzoo_acme/__init__.py, line 2)"


def test_a_syntax_error_that_has_no_file_says_where_it_was_raised(install_plugin) -> None:
    modules = {"ganzoo_acme/__init__.py": "raise SyntaxError('no')"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert only("acme").error == "SyntaxError: no (ganzoo_acme/__init__.py, line 1)"
