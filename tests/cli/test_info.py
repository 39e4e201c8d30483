"""What a component or a recipe is, in words and in JSON."""

import json

import pytest

from ganzoo.api import MODALITIES
from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]

RECIPES = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_recipes(register):
        register("faces", "ganzoo_acme:recipes/faces.yaml")
"""


def test_info_shows_every_kind_that_has_the_name_with_parameters_and_bounds(
    capsys: Capture,
) -> None:
    assert main(["info", "dcgan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("generator zoo/dcgan, revision 1\nTransposed convolutions")
    assert "\n\ndiscriminator zoo/dcgan, revision 1\n" in out
    assert "width          int, more than 0  64\n" in out
    assert "can be: conditional, graph-safe\n" in out
    assert not out.endswith("\n\n")


def test_info_in_json_has_the_json_schema_of_the_parameters(capsys: Capture) -> None:
    assert main(["info", "dcgan", "--kind", "generator", "--json"]) == 0
    (dcgan,) = json.loads(capsys.readouterr().out)
    assert dcgan["schema"]["properties"]["width"]["exclusiveMinimum"] == 0
    assert dcgan["schema"]["additionalProperties"] is False
    assert dcgan["parameters"][0] == {"name": "width", "type": "int, more than 0", "default": "64"}
    assert dcgan["distribution"] == "ganzoo-zoo"


def test_info_of_a_recipe_shows_its_components_and_what_to_do_with_it(capsys: Capture) -> None:
    assert main(["info", "digits-dcgan-hinge"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "recipe digits-dcgan-hinge"
    assert "paper: arXiv:1705.02894" in lines
    assert ["regularizers.r1", "r1", "every_steps:", "4,", "gamma:", "1.0"] in [
        line.split() for line in lines
    ]
    assert lines[-1].startswith("ganzoo run digits-dcgan-hinge ")


def test_info_of_a_plugins_recipe_says_whose_it_is(install_plugin, capsys: Capture) -> None:
    faces = "recipe: 1\nextends: digits-base\ndescription: faces\ndataset: acme/faces\n"
    modules = {"ganzoo_acme/__init__.py": RECIPES, "ganzoo_acme/recipes/faces.yaml": faces}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    assert main(["info", "acme/faces", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["distribution"], found["summary"]) == (
        "recipe",
        "ganzoo-acme",
        "faces",
    )
    assert found["components"][0] == {"slot": "dataset", "id": "acme/faces", "parameters": {}}


def test_info_of_a_local_component_names_the_file_and_no_module_of_ours(
    tmp_path, capsys: Capture
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from ganzoo.api import hookimpl\n"
        "class Flat: ...\n"
        "@hookimpl\n"
        "def register_losses(register):\n"
        "    register('flat', 'mine:Flat')\n"
    )
    assert main(["info", "local/flat", "--plugin", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "loss local/flat, revision 1",
        "from: Flat in mine.py",
        "",
        "no parameters",
    ]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("dcgn", "no component 'dcgn' - did you mean 'dcgan'?", "ganzoo info dcgan"),
        (
            "digits-dcgn-hinge",
            "no component 'digits-dcgn-hinge' - did you mean 'digits-dcgan-hinge'?",
            "ganzoo info digits-dcgan-hinge",
        ),
        ("quux", "no component 'quux'", "ganzoo list"),
        ("dcgan --kind loss", "no loss 'dcgan': 'dcgan' is a generator", "ganzoo list losses"),
        (
            "dcgan --kind los",
            "no kind of component is called 'los' - did you mean 'losses'?",
            "ganzoo list losses",
        ),
        (
            "acme/x",
            "no component 'acme/x': no plugin with the namespace 'acme' is installed",
            "ganzoo plugins; then pip install the distribution that has 'acme'",
        ),
    ],
)
def test_info_of_what_is_not_there_says_what_to_do(
    words: str, message: str, hint: str, capsys: Capture
) -> None:
    assert main(["info", *words.split()]) == 2
    assert capsys.readouterr() == ("", f"{message}\ntry: {hint}\n")


def test_ganzoos_own_modalities_are_listed_and_described(capsys) -> None:
    assert main(["list", "modalities", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    own = [each["id"] for each in found if "/" not in each["id"]]
    assert own == list(MODALITIES)
    assert all(each["summary"] for each in found)
    assert main(["list", "modalities", "a*"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["audio", "Sound,"]
    assert main(["info", "audio"]) == 0
    assert capsys.readouterr().out.startswith("modality audio, revision 1\nSound")
