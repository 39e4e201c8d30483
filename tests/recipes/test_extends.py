"""Chains of `extends`: what is inherited, and what is refused where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes import Recipe

Write = Callable[[str, str], Path]


def problems(reference: str | Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(reference)
    return [str(problem) for problem in caught.value.problems]


def test_a_child_gives_only_what_differs(small: Path, write: Write) -> None:
    write("child.yaml", "recipe: 1\nextends: small.yaml\ntrain: {batch_size: 8}\n")
    recipe = Recipe.load("child.yaml")
    assert recipe.settings.train.steps == 3000
    assert recipe.settings.train.batch_size == 8
    assert str(recipe.origins["train", "batch_size"]) == "child.yaml:3"
    assert str(recipe.origins["train", "steps"]) == "small.yaml:6"
    assert str(recipe.origins["dataset", "use"]) == "small.yaml:2"


def test_descriptive_keys_of_the_parent_are_not_inherited(small: Path, write: Write) -> None:
    about = "name: p\ndescription: d\npaper: x\nreproduced: true\n"
    published = "published: {metric: frechet, value: 3, source: arXiv:1}\n"
    write("parent.yaml", small.read_text() + about + published)
    write("child.yaml", "recipe: 1\nextends: parent.yaml\n")
    settings = Recipe.load("child.yaml").settings
    assert settings.name == "child"
    assert {settings.description, settings.paper, settings.published, settings.reproduced} == {None}


def test_three_generations_equal_two_with_the_ancestors_merged(small: Path, write: Write) -> None:
    write("b.yaml", "recipe: 1\nextends: small.yaml\nregularizers: {r1: {gamma: 1}, gp: {}}\n")
    write("c.yaml", "recipe: 1\nextends: b.yaml\nregularizers: {gp: null}\ngenerator: resnet\n")
    elders = small.read_text() + "regularizers: {r1: {gamma: 1}, gp: {}}\n"
    write("flat.yaml", elders)
    write("d.yaml", (Path("c.yaml").read_text()).replace("b.yaml", "flat.yaml") + "name: c\n")
    assert Recipe.load("c.yaml").settings == Recipe.load("d.yaml").settings


def test_a_dropped_parameter_is_noted_with_the_line_that_drops_it(
    small: Path, write: Write
) -> None:
    write("child.yaml", "recipe: 1\nextends: small.yaml\ngenerator: resnet\n")
    assert Recipe.load("child.yaml").notes == (
        "child.yaml:3  generator  is now 'resnet'; dropped parameters of 'dcgan': width, norm",
    )


def test_a_parent_path_is_relative_to_the_file_that_names_it(small: Path, write: Write) -> None:
    write("sub/child.yaml", "recipe: 1\nextends: ../small.yaml\n")
    recipe = Recipe.load("sub/child.yaml")
    assert recipe.directory_of(("generator", "width")) == small.parent
    assert recipe.directory_of(("recipe",)) == small.parent / "sub"


def test_circular_extends_is_refused(write: Write) -> None:
    write("a.yaml", "recipe: 1\nextends: b.yaml\n")
    write("b.yaml", "recipe: 1\nseed: 1\nextends: ./a.yaml\n")
    assert problems("a.yaml") == ["b.yaml:3:1  extends  is circular: a.yaml -> b.yaml -> a.yaml"]


def test_a_recipe_does_not_extend_itself(write: Write) -> None:
    write("a.yaml", "recipe: 1\nextends: a.yaml\n")
    assert "is circular" in problems("a.yaml")[0]


@pytest.mark.parametrize("how", ["../outside.yaml", "{outside}", "link.yaml"])
def test_a_parent_outside_the_project_is_refused(
    project: Path, small: Path, write: Write, how: str
) -> None:
    outside = project.parent / "outside.yaml"
    outside.write_text(small.read_text())
    (project / "link.yaml").symlink_to(outside)
    write("a.yaml", f"recipe: 1\nextends: {how.format(outside=outside)}\n")
    (problem,) = problems("a.yaml")
    assert problem.startswith("a.yaml:2:1  extends  ")
    assert "is outside the project" in problem


def test_without_a_project_the_parent_may_only_be_below_the_file(
    tmp_path: Path, small: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "base.yaml").write_text(small.read_text())
    (alone / "a.yaml").write_text("recipe: 1\nextends: base.yaml\n")
    (alone / "b.yaml").write_text("recipe: 1\nextends: ../project/small.yaml\n")
    assert Recipe.load(alone / "a.yaml").name == "a"
    assert "is outside the project" in problems(alone / "b.yaml")[0]


@pytest.mark.parametrize(
    ("extends", "what"),
    [
        ("smal.yaml", "smal.yaml does not exist - did you mean 'small.yaml'?"),
        ("no-such-recipe", "no-such-recipe is not a recipe"),
        ("[a, b]", "expected a recipe's id or a path, got a list"),
        ("null", "expected a recipe's id or a path, got null"),
        ("nowhere/base", "no recipe 'nowhere/base'"),
        ("os.path:join", "is not a recipe"),
    ],
)
def test_a_missing_parent_is_reported_where_it_is_named(
    small: Path, write: Write, extends: str, what: str
) -> None:
    write("a.yaml", f"recipe: 1\n\nextends: {extends}\n")
    (problem,) = problems("a.yaml")
    assert problem.startswith("a.yaml:3:1  extends  ")
    assert what in problem


def test_problems_of_yaml_in_parent_and_child_are_reported_together(write: Write) -> None:
    write("a.yaml", "recipe: 1\nextends: b.yaml\nseed: .nan\n")
    write("b.yaml", "recipe: 1\nseed: 1\nseed: 2\n")
    assert problems("a.yaml") == [
        "a.yaml:3:7  seed  is not a finite number",
        "b.yaml:3:1  seed  is given twice, first in line 2",
    ]


def test_an_unknown_format_is_refused_before_anything_else(small: Path, write: Write) -> None:
    write("a.yaml", "recipe: 2\nwhatever: 3\n")
    assert problems("a.yaml") == [
        "a.yaml:1:1  recipe  unknown format version 2 - this ganzoo reads `recipe: 1`"
    ]
    write("b.yaml", small.read_text().replace("recipe: 1", "recipe: true"))
    assert "unknown format version true" in problems("b.yaml")[0]


def test_only_the_loaded_file_must_give_its_format(small: Path, write: Write) -> None:
    write("parent.yaml", small.read_text().replace("recipe: 1\n", ""))
    write("child.yaml", "recipe: 1\nextends: parent.yaml\n")
    assert Recipe.load("child.yaml").name == "child"
    required = "  recipe  is required - such as `recipe: 1`"
    assert problems("parent.yaml") == [f"parent.yaml:1:1{required}"]
    write("heir.yaml", "extends: small.yaml\n")
    assert problems("heir.yaml") == [f"heir.yaml:1:1{required}"]


def test_a_shipped_recipe_is_extended_by_its_name(
    small: Path, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "digits-base.yaml").write_text(small.read_text())
    monkeypatch.setattr("ganzoo.recipes.load.shipped_directory", lambda: shipped)
    write("a.yaml", "recipe: 1\nextends: digits-base\n")
    recipe = Recipe.load("a.yaml")
    assert str(recipe.origins["loss", "use"]) == "digits-base:5"
    assert Recipe.load("digits-base").name == "digits-base"
    write("b.yaml", "recipe: 1\nextends: digits-bse\n")
    assert "did you mean 'digits-base'?" in problems("b.yaml")[0]


class PluginRecipes:
    """Stands for a registry with one recipe, ``acme/base``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, kind: str, name: str) -> str:
        if (kind, name) != ("recipe", "acme/base"):
            raise PluginError(f"no {kind} {name!r}")
        return name

    def resolve(self, registration: str) -> Path:
        return self.path


def test_a_plugin_recipe_is_extended_by_its_full_name(small: Path, write: Write) -> None:
    registry = PluginRecipes(small)
    write("a.yaml", "recipe: 1\nextends: acme/base\n")
    assert Recipe.load("acme/base", registry=registry).name == "acme-base"  # type: ignore[arg-type]
    recipe = Recipe.load("a.yaml", registry=registry)  # type: ignore[arg-type]
    assert str(recipe.origins["loss", "use"]) == "acme/base:5"
