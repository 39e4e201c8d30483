"""Shell completion by click's protocol: of recipes, overrides, components, kinds and runs.

``_GANZOO_COMPLETE=bash_source ganzoo`` prints the script for bash; zsh and fish alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

from ganzoo.errors import printable

if TYPE_CHECKING:
    from pydantic import BaseModel

VARIABLE = "_GANZOO_COMPLETE"
"""Environment variable with the instruction, such as ``bash_source`` or ``zsh_complete``."""

Items = list[CompletionItem[str]]


def answer(group: click.Group, instruction: str) -> int:
    """Print the script of a shell, or completions of the words that it gives; return a code."""
    return shell_complete(group, {}, "ganzoo", VARIABLE, instruction)


@add_completion_class
class Bash(BashComplete):
    """click's, which does not know that bash splits ``key=value`` at ``=``.

    Bash replaces the part after ``=`` alone. After ``key=`` it must not add a space.
    """

    source_template = BashComplete.source_template.replace(
        "    return 0\n", '    [[ "${COMPREPLY[*]}" == *= ]] && compopt -o nospace\n    return 0\n'
    )
    kept = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ["COMP_WORDS"])
        current = int(os.environ["COMP_CWORD"])
        words = [*words, ""][: current + 1]
        joined = words[:1]
        for index, word in enumerate(words[1:], start=1):
            if index > 1 and (word == "=" or words[index - 1] == "="):
                joined[-1] += word
            else:
                joined.append(word)
        replaced = "" if words[-1] == "=" else words[-1]
        self.kept = joined[-1].removesuffix(replaced)
        return joined[1:-1], joined[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value.removeprefix(self.kept)}"


def recipes(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete the name of a recipe, or a YAML file."""
    from ganzoo.recipes.load import shipped_recipes
    from ganzoo.recipes.yaml import SUFFIXES
    from ganzoo.registry.registry import Registry

    names = [*shipped_recipes(), *(each.id for each in Registry().list("recipe"))]
    head = word[: word.rfind("/") + 1]
    files = [head + each.name for each in Path(head or ".").glob("*") if each.suffix in SUFFIXES]
    return beginning(word, [*sorted(files), *names]) or [CompletionItem(word, type="file")]


def overrides(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete KEY= of a recipe, or the component in KEY=ID."""
    from ganzoo.recipes.schema import Settings, kind_of

    key, given, _ = word.partition("=")
    if not given:
        return beginning(word, [f"{each}=" for each in keys(Settings)])
    kind = kind_of(tuple(key.removesuffix(".use").split(".")))
    return beginning(word, [f"{key}={each}" for each in ids(kind)]) if kind else []


def recipes_and_overrides(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete a recipe first, then overrides too."""
    if not context.params.get(str(parameter.name)):
        return recipes(context, parameter, word)
    return overrides(context, parameter, word) or recipes(context, parameter, word)


def runs(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete the name of a run under ``--runs-dir``, `last`, or a path."""
    from ganzoo.runs.directory import INFO
    from ganzoo.runs.references import DEFAULT_DIRECTORY

    found = (context.params.get("runs_dir") or DEFAULT_DIRECTORY).glob(f"*/{INFO}")
    names = sorted(each.parent.name for each in found)
    return beginning(word, ["last", *names]) or [CompletionItem(word, type="file")]


def runs_and_overrides(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete a run, or KEY= and KEY=ID of its recipe."""
    if "=" in word:
        return overrides(context, parameter, word)
    return [*runs(context, parameter, word), *(overrides(context, parameter, word) if word else [])]


def components(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete the id of a component, of the kind that ``--kind`` names."""
    return beginning(word, ids(context.params.get("kind")))


def components_and_recipes(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete the id of a component or the name of a recipe."""
    named = [each for each in recipes(context, parameter, word) if each.type == "plain"]
    return [*components(context, parameter, word), *named]


def datasets(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete the id of a data set, or a path."""
    return beginning(word, ids("dataset")) or [CompletionItem(word, type="file")]


def kinds(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """Complete a kind of component, in the plural."""
    from ganzoo.registry.names import PLURALS

    return beginning(word, PLURALS.values())


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the dotted keys of a section and of those below it, without components' parameters."""
    from ganzoo.recipes.schema import Node, models_in

    for name, field in model.model_fields.items():
        parts = [each for each in models_in(field) if not issubclass(each, Node)]
        for part in parts:
            yield from keys(part, f"{above}{name}.")
        if not parts:
            yield f"{above}{name}"


def ids(kind: str | None) -> list[str]:
    """Return the short ids of a kind, or of all kinds, in alphabetical order."""
    from ganzoo.api import HOOKS
    from ganzoo.registry.names import PLURALS, shorten
    from ganzoo.registry.registry import Registry

    registry = Registry()
    wanted = [each for each in HOOKS if kind in (None, each, PLURALS[each])]
    return sorted({shorten(each.id) for name in wanted for each in registry.list(name)})


def beginning(word: str, candidates: Iterable[str]) -> Items:
    """Return the candidates that begin with a word, without names that hold control characters."""
    fitting = [each for each in candidates if each.startswith(word)]
    return [CompletionItem(each) for each in fitting if each == printable(each, one_line=True)]
