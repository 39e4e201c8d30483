"""The commands in README.md, CONTRIBUTING.md and docs/ have verbs, options and keys that exist.

So have the options that the descriptions of recipes name.
"""

import re
import shlex
from pathlib import Path

import click
import pytest

from ganzoo.cli.group import group
from ganzoo.cli.run import jobs_of
from ganzoo.recipes.load import Recipe, shipped_recipes
from ganzoo.registry.registry import Registry

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(ganzoo [a-z]+(?: [^`]*)?)`")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|…|\.\.\.")
"""Words such as RUN and VALUE, which stand for the reader's own."""


def commands(text: str) -> list[str]:
    """Return the ``ganzoo`` commands in blocks of a page, without prompts and comments."""
    found = []
    for language, block in BLOCK.findall(text):
        if language not in ("", "bash", "console"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.sub(r"\s+#.*", "", line.removeprefix("$ ")).split("; "):
                if part.startswith(("ganzoo ", ".venv/bin/ganzoo ")):
                    found.append(part)
    return found


def words_of(command: str) -> list[str]:
    return shlex.split(command)[1:]


SHOWN = [
    pytest.param(line, id=f"{page.name}: {line}")
    for page in PAGES
    for line in dict.fromkeys(
        commands(page.read_text())
        + [each for each in INLINE.findall(page.read_text()) if not PLACEHOLDER.search(each)]
    )
]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_in_the_docs_has_a_verb_options_and_keys_that_exist(line: str) -> None:
    words = words_of(line)
    with group.make_context("ganzoo", words.copy()) as context:
        command: click.Command | None = group
        rest = words
        while isinstance(command, click.Group):
            _, command, rest = command.resolve_command(context, rest)
        assert command is not None
        if any(PLACEHOLDER.fullmatch(word) for word in rest) or not rest:
            return
        try:
            made = command.make_context(command.name or "", rest.copy(), parent=context)
        except (click.MissingParameter, click.BadOptionUsage):  # a sentence about an option
            return
    if command.name in ("run", "check", "show", "bench"):
        given = made.params.get("recipes_and_overrides") or (
            made.params["recipe"],
            *made.params["overrides"],
        )
        for job in jobs_of(tuple(given), None):
            if job.recipe in shipped_recipes():
                Recipe.load(job.recipe, job.overrides)


def options_of(command: click.Command, context: click.Context) -> set[str]:
    """Return every option of a command and of its subcommands."""
    found = {option for each in command.params for option in each.opts}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found |= options_of(inner, context)
    return found


def test_an_option_in_the_description_of_a_recipe_exists() -> None:
    options = options_of(group, click.Context(group))
    for name in shipped_recipes():
        description = Recipe.load(name).settings.description or ""
        assert set(re.findall(r"--[a-z-]+", description)) <= options, name


def test_the_counts_of_the_zoo_are_those_of_the_list() -> None:
    (line,) = re.findall(r"^(\d+) generators, (.*?) in (\d+) recipes", PAGES[0].read_text(), re.M)
    said = dict(
        part.split(" ")[::-1] for part in f"{line[0]} generators, {line[1]}".strip(",").split(", ")
    )
    registry = Registry()
    found = {word: str(len(registry.list(word[:-1]))) for word in said if word != "losses"}
    assert said == found | {"losses": str(len(registry.list("loss")))}
    assert int(line[2]) == len(shipped_recipes())
