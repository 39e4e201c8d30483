"""Finding the file of a recipe; files that are not recipes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes import Recipe
from ganzoo.recipes.load import inside_project, project_root, shipped_directory

Write = Callable[[str, str], Path]


def problem(reference: str | Path) -> str:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(reference)
    (only,) = caught.value.problems
    return str(only)


def test_a_missing_file_suggests_a_similar_file_in_its_directory(small: Path) -> None:
    assert problem("smal.yaml") == ("smal.yaml  does not exist - did you mean 'small.yaml'?")


def test_an_unknown_name_suggests_the_most_similar_file(small: Path) -> None:
    assert problem("smal") == "smal  is not a recipe - did you mean 'small'?"


def test_a_file_of_the_working_directory_is_run_by_its_name(small: Path) -> None:
    assert Recipe.load("small").data == Recipe.load("small.yaml").data


def test_a_shipped_recipe_is_not_replaced_by_a_file_of_its_name(small: Path, write: Write) -> None:
    write("digits-dcgan-hinge.yaml", small.read_text())
    assert Recipe.load("digits-dcgan-hinge").data["generator"]["use"] == "dcgan"


def test_a_path_without_its_suffix_suggests_the_file(small: Path, write: Write) -> None:
    write("mine/small.yaml", small.read_text())
    assert problem("mine/small") == "mine/small  is not a recipe - did you mean 'mine/small.yaml'?"


def test_a_directory_is_not_a_recipe(project: Path) -> None:
    (project / "recipes.yaml").mkdir()
    assert problem("recipes.yaml") == "recipes.yaml  is a directory, not a recipe"
    assert problem("./") == ".  is a directory, not a recipe"


def test_a_file_that_is_not_utf8_is_refused_with_line_and_column(project: Path) -> None:
    (project / "a.yaml").write_bytes("recipe: 1\nname: é".encode() + b"\xff\n")
    assert problem("a.yaml") == "a.yaml:2:8  is not UTF-8 text"


def test_a_byte_order_mark_is_not_part_of_the_first_key(project: Path, small: Path) -> None:
    (project / "a.yaml").write_bytes(b"\xef\xbb\xbf" + small.read_bytes())
    assert Recipe.load("a.yaml").name == "a"


def test_a_file_larger_than_a_recipe_is_refused(project: Path) -> None:
    (project / "a.yaml").write_text("#" * (2**20 + 1))
    assert problem("a.yaml") == "a.yaml  is larger than 1 MiB"


@pytest.mark.parametrize(
    "name", ["a\0b.yaml", "a" * 5000 + ".yaml", "no/where/a.yaml", "/dev/null.yaml"]
)
def test_an_invalid_path_is_refused(project: Path, name: str) -> None:
    with pytest.raises(RecipeError):
        Recipe.load(name)


@pytest.mark.parametrize("name", ["", "a b", "os:system", "-", "a/b/c", "A/b"])
def test_a_word_that_is_not_a_reference_is_refused(project: Path, name: str) -> None:
    assert "is not a recipe" in problem(name)


def test_a_recipe_of_a_missing_plugin_raises_a_plugin_error(project: Path) -> None:
    with pytest.raises(PluginError, match="nowhere/base"):
        Recipe.load("nowhere/base")


def test_in_a_checkout_the_shipped_recipes_are_next_to_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ganzoo"
    package.mkdir()
    monkeypatch.setattr("ganzoo.recipes.load.__file__", str(package / "recipes" / "load.py"))
    assert shipped_directory() == tmp_path / "recipes"
    (package / "shipped_recipes").mkdir()
    assert shipped_directory() == package / "shipped_recipes"


def test_the_project_is_the_nearest_directory_with_a_marker(project: Path) -> None:
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    assert project_root(inner) == project
    (project / "a" / "pyproject.toml").touch()
    assert project_root(inner) == project / "a"


def test_without_a_marker_the_project_is_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a")
    assert project_root(inner) == tmp_path / "a"


@pytest.mark.parametrize("text", ["../x", "/etc/passwd", "a/../../x", "loop/x/../../..", "a\0b"])
def test_no_path_leaves_the_project(project: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"is outside the project|cannot be a path"):
        inside_project(text, project)


def test_a_path_inside_the_project_is_absolute(project: Path) -> None:
    assert inside_project("a/../b.yaml", project) == project / "b.yaml"


def test_recipes_are_read_without_torch() -> None:
    code = "import sys, ganzoo.recipes, ganzoo.recipes.lock; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
