"""`optimizers.SIDE.groups`: merging, inheritance, removal."""

from collections.abc import Callable
from pathlib import Path

from ganzoo.recipes import Recipe
from ganzoo.recipes.schema import Group, Optimizers

Write = Callable[[str, str], Path]
WHOLE = """\
recipe: 1
dataset: digits
generator: dcgan
discriminator: dcgan
loss: hinge
train: {steps: 10}
"""
GROUPS = "groups: {a: {match: x, lr_factor: 2}, b: {match: [y, z], weight_decay: 0}}"


def optimizers(path: Path, *overrides: str) -> Optimizers:
    return Recipe.load(path, overrides).settings.optimizers


def test_groups_of_one_player_replace_the_groups_of_both(write: Write) -> None:
    text = f"optimizers: {{both: {{{GROUPS}}}, generator: {{groups: {{c: {{match: q}}}}}}}}\n"
    found = optimizers(write("a.yaml", WHOLE + text))
    assert found.generator.groups == {"c": Group(match="q")}
    assert found.discriminator.groups == {
        "a": Group(match="x", lr_factor=2.0),
        "b": Group(match=("y", "z"), weight_decay=0.0),
    }


def test_a_child_adds_changes_and_removes_groups_of_its_parent(write: Write) -> None:
    write("parent.yaml", WHOLE + f"optimizers: {{generator: {{{GROUPS}}}}}\n")
    child = write(
        "child.yaml",
        "recipe: 1\nextends: parent.yaml\n"
        "optimizers: {generator: {groups: {a: {lr_factor: 3}, b: null}}}\n",
    )
    changed = {"a": Group(match="x", lr_factor=3.0)}
    assert optimizers(child).generator.groups == changed
    added = optimizers(child, "optimizers.generator.groups.c={match: q, lr_factor: 0}")
    assert added.generator.groups == changed | {"c": Group(match="q", lr_factor=0.0)}
    assert optimizers(child, "optimizers.generator.groups=null").generator.groups == {}


def test_a_new_optimizer_drops_the_groups_of_the_old_one_with_a_note(write: Write) -> None:
    path = write("a.yaml", WHOLE + f"optimizers: {{generator: {{{GROUPS}}}}}\n")
    recipe = Recipe.load(path, ["optimizers.generator.use=sgd"])
    assert recipe.settings.optimizers.generator.groups == {}
    assert recipe.notes[0].endswith("is now 'sgd'; dropped parameters of 'adam': groups")
