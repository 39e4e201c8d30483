"""Find and read the file of a recipe: a path, a shipped recipe, or a plugin's recipe.

No path inside a recipe may leave the recipe's project.
"""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import PluginError, Problem, RecipeError, UsageError, describe, truncate
from ganzoo.recipes.yaml import MAX_BYTES
from ganzoo.registry.names import suggest
from ganzoo.runs.directory import INFO

if TYPE_CHECKING:
    from ganzoo.registry import Registry

SUFFIXES = (".yaml", ".yml")
_PROJECT_MARKERS = (".git", "pyproject.toml")
_SHIPPED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLUGINS = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Located:
    """The file of a recipe."""

    path: Path
    label: str
    """Name in messages: the shortest path, or the recipe's id."""
    default_name: str
    """Name of the recipe if it has no `name` key."""


def shipped_directory() -> Path:
    """Return the directory of the shipped recipes, in an installed wheel or a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "shipped_recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """Return the files of all shipped recipes by id, sorted."""
    files = (path for path in shipped_directory().glob("*.yaml") if path.is_file())
    return {path.stem: path for path in sorted(files)}


def locate(reference: str | Path, registry: "Registry | None" = None) -> Located:
    """Return the file of a reference, without checking that it can be read.

    Raises:
        RecipeError: neither the name of a shipped recipe nor a path to a YAML file.
        PluginError: a plugin recipe that does not exist.
        UsageError: neither text nor a path.
    """
    if not isinstance(reference, str | Path):
        what = f"a recipe is given as text or a path, not as {describe(reference)}"
        raise UsageError(what, hint='ganzoo.run("digits-dcgan-hinge", {"train.steps": 500})')
    name = str(reference)
    if run := _run_of(name):
        raise _not_a_run(name, run)
    if is_path(reference):
        return located(Path(reference))
    if _PLUGINS.fullmatch(name):
        return _of_plugin(name, registry)
    if _SHIPPED.fullmatch(name) and (path := shipped_recipes().get(name)):
        return Located(path, name, name)
    if os.path.isdir(name):
        return located(Path(name))
    if name == "last":
        what = "is a run, not a recipe"
        raise RecipeError(
            [Problem(name, 0, 0, "", what)], hint="ganzoo resume last   # or: ganzoo ls"
        )
    problem = Problem(truncate(name), 0, 0, "", f"is not a recipe{_near(name)}")
    raise RecipeError([problem], hint="ganzoo recipes   # or a path that ends in .yaml")


def _run_of(name: str) -> Path | None:
    """Return the run directory that the name refers to, if any."""
    for directory in (Path(name), Path("runs") / name):
        try:
            if (directory / INFO).is_file():
                return directory
        except (OSError, ValueError):  # too long for a path, or a null byte
            return None
    return None


def _not_a_run(name: str, run: Path) -> RecipeError:
    lock = shlex.quote(str(run / "recipe.lock.yaml"))
    hint = f"ganzoo resume {shlex.quote(str(run))}   # or its recipe: ganzoo show {lock}"
    return RecipeError([Problem(name, 0, 0, "", "is a run, not a recipe")], hint=hint)


def is_path(reference: str | Path) -> bool:
    """Return whether a reference is a path, not the id of a recipe."""
    return isinstance(reference, Path) or reference.endswith(SUFFIXES)


def located(path: Path) -> Located:
    """Return the file at `path`, with a label relative to the working directory if it is in it."""
    try:
        label = path.absolute().relative_to(Path.cwd())
    except ValueError:
        label = path
    name = path.name.removesuffix(path.suffix).removesuffix(".lock")
    return Located(path, str(label), name)


def _of_plugin(name: str, registry: "Registry | None") -> Located:
    from ganzoo.registry import Registry

    registry = registry or Registry()
    try:
        path = registry.resolve(registry.get("recipe", name))
    except PluginError as error:
        file = Path(f"{name}.yaml")
        if not file.is_file():
            raise
        problem = Problem(name, 0, 0, "", f"is not a recipe - did you mean {str(file)!r}?")
        raise RecipeError([problem], hint=f"give the file with its suffix: {file}") from error
    return Located(path, name, name.replace("/", "-"))


def _near(name: str) -> str:
    candidates = [*shipped_recipes(), *map(str, Path().glob("*.yaml"))]
    near = suggest(name, candidates)
    return f" - did you mean {near!r}?" if near else ""


# --- the project and its files -------------------------------------------------------------------


def project_root(directory: Path) -> Path:
    """Return the closest parent directory that contains ``.git`` or ``pyproject.toml``.

    If there is none, return the working directory if it contains `directory`, else `directory`.
    """
    directory = directory.resolve()
    for candidate in (directory, *directory.parents):
        if any((candidate / marker).exists() for marker in _PROJECT_MARKERS):
            return candidate
    here = Path.cwd()
    return here if directory.is_relative_to(here) else directory


def inside_project(text: str, directory: Path) -> Path:
    """Resolve a path that a recipe in `directory` gives, following links.

    Raises:
        ValueError: the path is invalid or outside the project.
    """
    root = project_root(directory)
    try:
        path = (directory / text).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a null byte
        raise ValueError(f"{truncate(repr(text))} cannot be a path") from error
    if not path.is_relative_to(root):
        what = f"{truncate(repr(text))} is outside the project {root}"
        raise ValueError(f"{what} - copy the recipe into it")
    return path


def read_text(path: Path, file: str) -> str:
    """Return the text of a recipe file; `file` is its name in messages.

    Raises:
        RecipeError: the file is missing, a directory, larger than 1 MiB, not UTF-8, or cannot be
            read.
    """
    try:
        if path.is_dir():
            raise _unreadable(file, "is a directory, not a recipe", "name the .yaml file in it")
        if not path.is_file():
            raise _unreadable(file, f"does not exist{_near_file(path, file)}", "ganzoo recipes")
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(file, "is larger than 1 MiB", "a recipe is a page of text")
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(file, f"cannot be read: {error.strerror}", None) from error
    return _decoded(content, file)


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        problem = Problem(file, line, column, "", "is not UTF-8 text")
        raise RecipeError([problem], hint="save the file as UTF-8") from error


def _near_file(path: Path, file: str) -> str:
    names = [each.name for each in path.parent.glob("*") if each.suffix in SUFFIXES]
    near = suggest(path.name, names)
    return f" - did you mean {str(Path(file).with_name(near))!r}?" if near else ""


def _unreadable(file: str, what: str, hint: str | None) -> RecipeError:
    return RecipeError([Problem(file, 0, 0, "", what)], hint=hint)
