"""Listings of what is installed."""

import json

import pytest

from ganzoo.cli import main

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
    assert 'try: pip install "ganzoo[zoo]"' in capsys.readouterr().err


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
    rows = [line.split()[:6] for line in out.splitlines()[1:]]
    assert rows[0][:2] + rows[0][3:5] == ["zoo", "ganzoo-zoo", "bundled", "ok"]
    assert rows[1] == ["acme", "ganzoo-acme", "1.2", "third-party", "ok", "1"]
    assert "acme: third-party: not reviewed by ganzoo" in err


def test_plugins_quotes_the_error_of_a_broken_one(install_plugin, capsys: Capture) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": "raise SystemExit(3)"}, acme="ganzoo_acme")
    assert main(["plugins"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[2].split()[4] == "broken"
    assert "acme: SystemExit: 3" in err
    assert main(["plugins", "--json"]) == 0
    acme = json.loads(capsys.readouterr().out)[1]
    assert (acme["status"], acme["error"], acme["components"]) == ("broken", "SystemExit: 3", {})


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
    gone = RECIPES + '        register("gone", "ganzoo_acme:recipes/gone.yaml")\n'
    modules = {"ganzoo_acme/__init__.py": gone, "ganzoo_acme/recipes/faces.yaml": "- a list\n"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert main(["recipes"]) == 0
    out, err = capsys.readouterr()
    assert "digits-dcgan-hinge" in out
    assert "left out: acme/faces:1:1" in err
    assert "no file recipes/gone.yaml" in err


def test_shipped_recipes_are_listed_by_their_bare_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: Capture
) -> None:
    (tmp_path / "tiny.yaml").write_text("recipe: 1\ndescription: small\npaper: arXiv:1406.2661\n")
    monkeypatch.setattr("ganzoo.recipes.locate.shipped_directory", lambda: tmp_path)
    assert main(["recipes"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "recipe  description  paper",
        "tiny    small        arXiv:1406.2661",
    ]
