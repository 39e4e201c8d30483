"""The files of a recipe: the one that was asked for and, by `extends`, its ancestors."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import PluginError, Problem, RecipeError
from ganzoo.recipes.locate import Located, is_path, locate, located
from ganzoo.recipes.project import inside_project, read_text
from ganzoo.recipes.scalars import shown
from ganzoo.recipes.source import Layer
from ganzoo.recipes.strict_yaml import Reading, read_mapping

if TYPE_CHECKING:
    from ganzoo.registry import Registry

FORMAT = 1
"""The version of the recipe format that this ganzoo reads."""

NEVER_INHERITED = ("name", "description", "paper", "published", "reproduced")
LOCK_SUFFIX = ".lock.yaml"


@dataclass(frozen=True)
class Chain:
    """The files of one recipe as layers, the root of `extends` first."""

    layers: tuple[Layer, ...]
    text: str
    """The file that was asked for, as it stands."""
    located: Located
    lock: dict[str, Any] | None
    """The whole content of a lock file; None of a recipe."""


@dataclass(frozen=True)
class _File:
    located: Located
    text: str
    reading: Reading

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.reading.data
        return data

    def problem(self, key: str, what: str) -> Problem:
        """Return a problem placed at one of the file's outermost keys, or at its beginning."""
        line, column = self.reading.marks.get((key,), (1, 1))
        return Problem(self.located.label, line, column, key, what)

    def layer(self) -> Layer:
        directory = self.located.path.resolve().parent
        return Layer.of(self.data, self.reading.marks, self.located.label, directory)


def read_chain(reference: str | Path, registry: "Registry | None" = None) -> Chain:
    """Read a recipe's file and those that it extends.

    Raises:
        RecipeError: every problem of YAML, version and `extends` in the files that can be read.
        PluginError: the reference means a plugin's recipe that is not there.
    """
    files = [_read(locate(reference, registry))]
    problems = [*files[0].reading.problems, *_version(files[0]), *_lock_section(files[0])]
    hint = None
    while "extends" in files[-1].data:
        try:
            files.append(_read(_parent(files, registry)))
        except RecipeError as error:
            problems += [_placed(each, files[-1]) for each in error.problems]
            hint = _lock_beside(files[0]) or error.hint
            break
        problems += [*files[-1].reading.problems, *_version(files[-1])]
    if problems:
        raise RecipeError(sorted(problems), hint=hint)
    return _chain(files)


def _lock_beside(file: _File) -> str | None:
    """Return what to try where the copy of a recipe that a run keeps has lost its parents."""
    path = file.located.path
    lock = path.with_name("recipe" + LOCK_SUFFIX)
    if path.name == "recipe.yaml" and lock.is_file():
        return f"the same command with {shlex.quote(str(lock))}, which needs no other file"
    return None


def _chain(files: list[_File]) -> Chain:
    top, *ancestors = files
    inherited = [each.layer().without("recipe", *NEVER_INHERITED) for each in reversed(ancestors)]
    layers = [each.without("extends") for each in (*inherited, top.layer())]
    lock = None
    if _is_lock(top):
        lock = top.data
        layers[-1] = layers[-1].without("lock")
    return Chain(tuple(layers), top.text, top.located, lock)


def _read(located: Located) -> _File:
    text = read_text(located.path, located.label)
    return _File(located, text, read_mapping(text, located.label))


def _parent(files: list[_File], registry: "Registry | None") -> Located:
    """Return the parent of the last file.

    Raises:
        RecipeError: `extends` is no recipe, leads out of the project, or goes in a circle.
    """
    child = files[-1]
    reference = child.data["extends"]
    try:
        if not isinstance(reference, str):
            many = " - a recipe has one parent" if isinstance(reference, list) else ""
            raise ValueError(f"expected a recipe's id or a path, got {shown(reference)}{many}")
        if is_path(reference):
            parent = located(inside_project(reference, child.located.path.resolve().parent))
        else:
            parent = locate(reference, registry)
    except ValueError as error:
        raise RecipeError([child.problem("extends", str(error))]) from error
    except PluginError as error:
        raise RecipeError([child.problem("extends", error.message)], hint=error.hint) from error
    if parent.path.resolve() in [each.located.path.resolve() for each in files]:
        circle = " -> ".join([*(each.located.label for each in files), parent.label])
        raise RecipeError([child.problem("extends", f"goes in a circle: {circle}")])
    return parent


def _placed(problem: Problem, child: _File) -> Problem:
    """Return a problem with a parent's file as one of the line that names the parent."""
    if problem.line:
        return problem
    return child.problem("extends", f"{problem.file} {problem.what}")


def _version(file: _File) -> list[Problem]:
    version = file.data.get("recipe", FORMAT)
    if type(version) is int and version == FORMAT:
        return []
    what = f"format version {shown(version)} is not known; this ganzoo reads `recipe: {FORMAT}`"
    return [file.problem("recipe", what)]


def _is_lock(file: _File) -> bool:
    return file.located.path.name.endswith(LOCK_SUFFIX)


def _lock_section(file: _File) -> list[Problem]:
    if not _is_lock(file) or file.reading.problems or isinstance(file.data.get("lock"), dict):
        return []
    return [file.problem("lock", "a lock file has a section of this name; this is not a lock")]
