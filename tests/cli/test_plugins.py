"""Listings of what is installed."""

import json

import pytest

from ganzoo.cli import main
from ganzoo.recipes.load import shipped_recipes
from ganzoo.registry.discovery import BUNDLED_DISTRIBUTIONS

Capture = pytest.CaptureFixture[str]

ACME = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_generators(register):
        register("unet", "ganzoo_acme:U", revision=3, summary="U-Net", paper="arXiv:2101.04775")
"""
RECIPES = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_recipes(register):
        register("faces", "ganzoo_acme:recipes/faces.yaml")
"""


# --- list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["generator", "generators"])
def test_list_takes_a_kind_in_the_singular_and_in_the_plural(kind: str, capsys: Capture) -> None:
    assert main(["list", kind, "*dcgan*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "summary", "paper"]
    assert [line.split()[0] for line in lines[1:]] == ["dcgan"]


def test_a_misspelt_kind_finds_its_neighbour(capsys: Capture) -> None:
    assert main(["list", "genrators"]) == 2
    assert "did you mean 'generators'" in capsys.readouterr().err


def test_a_third_partys_component_has_its_namespace_and_its_revision(
    install_plugin, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": ACME}, acme="ganzoo_acme")
    assert main(["list", "generators", "acme/*"]) == 0
    assert "acme/unet  U-Net (revision 3)  arXiv:2101.04775" in capsys.readouterr().out


def test_list_in_json_has_every_field_of_a_registration(capsys: Capture) -> None:
    assert main(["list", "datasets", "digits", "--json"]) == 0
    (digits,) = json.loads(capsys.readouterr().out)
    assert digits["id"] == "zoo/digits"
    assert digits["extractor"] == "zoo/toy-cnn"
    assert digits["modalities"] == ["image"]


def test_list_without_a_kind_counts_every_kind(capsys: Capture) -> None:
    assert main(["list", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["generators"] >= 3
    assert set(counts) >= {"losses", "datasets", "recipes"}


def test_list_recipes_has_those_of_ganzoo_and_those_of_plugins(
    install_plugin, capsys: Capture
) -> None:
    faces = "recipe: 1\ndescription: faces at 64 pixels\npaper: arXiv:1511.06434\n"
    modules = {"ganzoo_acme/__init__.py": RECIPES, "ganzoo_acme/recipes/faces.yaml": faces}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert main(["list", "recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*shipped_recipes(), "acme/faces"]
    assert lines[-1].split() == ["acme/faces", "faces", "at", "64", "pixels", "arXiv:1511.06434"]
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipes"] == len(lines) - 1


def test_a_pattern_that_matches_nothing_says_so_on_stderr(capsys: Capture) -> None:
    assert main(["list", "generators", "quux*"]) == 0
    assert capsys.readouterr() == ("", "no generators match 'quux*'\n")


def test_listings_say_which_plugin_is_left_out_and_why(install_plugin, capsys: Capture) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "import gone_for_good"}, acme="ganzoo_acme")
    assert main(["list", "generators"]) == 0
    out, err = capsys.readouterr()
    assert "dcgan" in out
    assert err.startswith("left out: acme (ganzoo-acme 1.0) is broken: ModuleNotFoundError")


@pytest.mark.parametrize("verb", [["list", "generators"], ["plugins"], ["list"]])
def test_without_any_plugin_the_advice_is_to_install_the_zoo(
    verb: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("ganzoo.registry.registry.discover", list)
    assert main(verb) == 0
    assert 'try: pip install "ganzoo-core[zoo]"' in capsys.readouterr().err


def test_a_local_file_is_listed_like_any_plugin(tmp_path, capsys: Capture) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from ganzoo.api import hookimpl\n"
        "class Flat: ...\n"
        "@hookimpl\n"
        "def register_losses(register):\n"
        "    register('flat', 'mine:Flat')\n"
    )
    assert main(["list", "losses", "local/*", "--plugin", str(file)]) == 0
    assert "local/flat" in capsys.readouterr().out
    assert main(["plugins", "--plugin", str(file)]) == 0
    assert "local" in capsys.readouterr().out.splitlines()[1]


# --- plugins -------------------------------------------------------------------------------------


def test_plugins_shows_the_zoo_as_bundled_and_a_third_party_as_not_reviewed(
    install_plugin, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": ACME}, version="1.2", acme="ganzoo_acme")
    assert main(["plugins"]) == 0
    out, err = capsys.readouterr()
    plugins, counts = (block.splitlines() for block in out.split("\n\n"))
    assert plugins[0] == (
        "namespace  distribution  version  origin       status  load ms  loads torch"
    )
    rows = [line.split() for line in plugins[1:]]
    assert rows[0][:2] + rows[0][3:5] == ["zoo", "ganzoo-zoo", "bundled", "ok"]
    others = sorted(set(BUNDLED_DISTRIBUTIONS) - {"zoo"})
    for name, row in zip(others, rows[1:-1], strict=True):
        assert row[:2] + row[3:5] == [name, f"ganzoo-{name}", "bundled", "ok"]
    assert rows[-1][:5] == ["acme", "ganzoo-acme", "1.2", "third-party", "ok"]
    assert rows[-1][5].isdigit()
    assert rows[-1][6] == "no"
    assert counts[0].split() == ["brings", "zoo", *others, "acme"]
    generators, discriminators = (line.split() for line in counts[1:3])
    assert (generators[0], generators[-1]) == ("generators", "1")
    assert (discriminators[0], discriminators[-1]) == ("discriminators", "-")
    assert int(generators[1]) >= 3
    assert err == "third-party, not reviewed by ganzoo: acme\n"


def test_plugins_quotes_the_error_of_a_broken_one_and_says_what_to_do(
    install_plugin, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise SystemExit(3)"}, acme="ganzoo_acme")
    assert main(["plugins"]) == 0
    out, err = capsys.readouterr()
    assert ["acme", "broken"] in [line.split()[:5:4] for line in out.splitlines()]
    assert err.splitlines()[:2] == [
        "acme (ganzoo-acme 1.0) is broken: SystemExit: 3 (ganzoo_acme.py, line 1)",
        "try: GANZOO_STRICT=1 GANZOO_PLUGINS=acme ganzoo plugins",
    ]


def test_plugins_in_json_has_all_that_is_known_of_each(install_plugin, capsys: Capture) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": ACME}, version="1.2", acme="ganzoo_acme")
    install_plugin("ganzoo-next", {}, group="ganzoo.v2", next="ganzoo_next")
    assert main(["plugins", "--json"]) == 0
    found = {each.pop("namespace"): each for each in json.loads(capsys.readouterr().out)}
    assert isinstance(found["acme"].pop("load_ms"), float)
    assert found["acme"] == {
        "distribution": "ganzoo-acme",
        "version": "1.2",
        "origin": "third-party",
        "status": "ok",
        "error": None,
        "hint": None,
        "loads_torch": False,
        "components": {"generators": 1},
    }
    assert found["next"] == {
        "distribution": "ganzoo-next",
        "version": "1.0",
        "origin": "third-party",
        "status": "incompatible",
        "error": "made for ganzoo.v2; this ganzoo loads ganzoo.v1",
        "hint": "pip install --upgrade ganzoo-core",
        "load_ms": None,
        "loads_torch": None,
        "components": {},
    }


def test_the_advice_for_a_broken_plugin_shows_its_traceback_and_ends_with_the_error(
    install_plugin, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise SystemExit(3)"}, acme="ganzoo_acme")
    monkeypatch.setenv("GANZOO_STRICT", "1")
    monkeypatch.setenv("GANZOO_PLUGINS", "acme")
    assert main(["plugins"]) == 2
    err = capsys.readouterr().err
    assert 'ganzoo_acme.py", line 1, in <module>' in err
    assert "cli/main.py" not in err
    assert err.splitlines()[-1].startswith("plugin 'acme' (ganzoo-acme 1.0) is broken: SystemExit")


def test_plugins_that_are_switched_off_are_said_where_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "")
    assert main(["list", "generators"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "no generators match '*'",
        "left out: zoo (ganzoo-zoo 0.1.0) is disabled: left out by GANZOO_PLUGINS",
        *(
            f"left out: {name} (ganzoo-{name} 0.1.0) is disabled: left out by GANZOO_PLUGINS"
            for name in sorted(set(BUNDLED_DISTRIBUTIONS) - {"zoo"})
        ),
        "try: ganzoo plugins",
    ]
    assert main(["list", "recipes"]) == 0
    out, err = capsys.readouterr()
    assert "digits-dcgan-hinge" in out
    assert err == ""


def test_a_recipe_that_needs_a_plugin_that_is_switched_off_says_how_to_enable_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "")
    assert main(["check", "digits-dcgan-hinge"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "plugin 'zoo' (ganzoo-zoo 0.1.0) is disabled: left out by GANZOO_PLUGINS" in err[0]
    assert err[-1] == "try: export GANZOO_PLUGINS=zoo"


def test_a_local_file_that_is_broken_ends_every_verb_that_is_given_it(
    tmp_path, capsys: Capture
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import gone_for_good\n")
    for verb in (["plugins"], ["list", "losses"], ["info", "dcgan"], ["check", "digits-base"]):
        assert main([*verb, "--plugin", str(file)]) == 2
        assert capsys.readouterr() == (
            "",
            f"the plugin {file} is broken: ModuleNotFoundError: No module named 'gone_for_good'"
            f" (mine.py, line 1)\ntry: GANZOO_STRICT=1 ganzoo plugins --plugin {file}\n",
        )


# --- recipes -------------------------------------------------------------------------------------


def test_a_plugins_recipes_are_listed_with_their_description(
    install_plugin, capsys: Capture
) -> None:
    faces = "recipe: 1\nname: faces\ndescription: faces at 64 pixels\n"
    modules = {"ganzoo_acme/__init__.py": RECIPES, "ganzoo_acme/recipes/faces.yaml": faces}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert main(["recipes", "acme/*"]) == 0
    assert "acme/faces  faces at 64 pixels" in capsys.readouterr().out
    assert main(["recipes", "acme/*", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["file"].endswith("recipes/faces.yaml")


def test_a_plugins_recipe_that_is_none_is_said_and_harms_no_other(
    install_plugin, capsys: Capture
) -> None:
    gone = RECIPES + '        register("gone", "ganzoo_acme.more:gone.yaml")\n'
    modules = {
        "ganzoo_acme/__init__.py": gone,
        "ganzoo_acme/more/__init__.py": "",
        "ganzoo_acme/recipes/faces.yaml": "- a list\n",
    }
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert main(["recipes"]) == 0
    out, err = capsys.readouterr()
    assert "digits-dcgan-hinge" in out
    assert "left out: acme/faces:1:1" in err
    assert "ganzoo_acme.more has no file gone.yaml" in err


def test_shipped_recipes_are_listed_by_their_bare_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: Capture
) -> None:
    (tmp_path / "tiny.yaml").write_text("recipe: 1\ndescription: small\npaper: arXiv:1406.2661\n")
    monkeypatch.setattr("ganzoo.recipes.load.shipped_directory", lambda: tmp_path)
    assert main(["recipes"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "recipe  description  paper",
        "tiny    small        arXiv:1406.2661",
    ]


def test_a_plugin_that_clashes_is_said_to_be_refused_wherever_it_is_said(
    install_plugin, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": ""}, acme="ganzoo_acme")
    install_plugin("acme-gans", {"acme_gans": ""}, acme="acme_gans")
    for verb in (["plugins"], ["list", "losses"], ["conformance", "acme/*"], ["doctor"]):
        main(verb)
        said = "".join(capsys.readouterr())
        assert "is refused: acme-gans 1.0 and ganzoo-acme 1.0 both" in " ".join(said.split())
        assert "is clash" not in said
