"""From what people write for a recipe to its file: a path, a shipped recipe, a plugin's recipe."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ganzoo
from ganzoo.errors import PluginError, Problem, RecipeError, UsageError
from ganzoo.recipes.project import SUFFIXES
from ganzoo.recipes.scalars import shortened, shown
from ganzoo.registry.names import suggest
from ganzoo.runs.directory import INFO

if TYPE_CHECKING:
    from ganzoo.registry import Registry

_SHIPPED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLUGINS = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Located:
    """The file of a recipe."""

    path: Path
    label: str
    """How messages name it: a path as short as it can be, or the recipe's id."""
    default_name: str
    """The recipe's name unless it gives itself one."""


def shipped_directory() -> Path:
    """Return where the recipes that come with ganzoo are, in a wheel or in a checkout."""
    package = Path(ganzoo.__file__).parent
    installed = package / "shipped_recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """Return the id of every shipped recipe with its file, sorted by id."""
    files = (path for path in shipped_directory().glob("*.yaml") if path.is_file())
    return {path.stem: path for path in sorted(files)}


def locate(reference: str | Path, registry: "Registry | None" = None) -> Located:
    """Return the file that a reference means; whether it can be read is yet to see.

    Raises:
        RecipeError: neither a shipped recipe's name nor a path to a YAML file.
        PluginError: a plugin's recipe that is not there.
        UsageError: neither text nor a path.
    """
    if not isinstance(reference, str | Path):
        what = f"a recipe is named by text or a path, not by {shown(reference)}"
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
        raise RecipeError([Problem(name, 0, 0, "", what)], hint="ganzoo ls, or ganzoo resume last")
    problem = Problem(shortened(name), 0, 0, "", f"is not a recipe{_near(name)}")
    raise RecipeError([problem], hint="ganzoo recipes, or a path that ends in .yaml")


def _run_of(name: str) -> Path | None:
    """Return the directory of the run that somebody took for a recipe."""
    for directory in (Path(name), Path("runs") / name):
        try:
            if (directory / INFO).is_file():
                return directory
        except (OSError, ValueError):  # what is too long for a path, or holds a null byte
            return None
    return None


def _not_a_run(name: str, run: Path) -> RecipeError:
    lock = shlex.quote(str(run / "recipe.lock.yaml"))
    hint = f"ganzoo resume {shlex.quote(str(run))}, or its recipe: ganzoo show {lock}"
    return RecipeError([Problem(name, 0, 0, "", "is a run, not a recipe")], hint=hint)


def is_path(reference: str | Path) -> bool:
    """Whether a reference is a path rather than the id of a recipe."""
    return isinstance(reference, Path) or reference.endswith(SUFFIXES)


def located(path: Path) -> Located:
    """Return the file at `path`, named from the working directory where that is shorter."""
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
        raise RecipeError([problem], hint=f"a file is named with its ending: {file}") from error
    return Located(path, name, name.replace("/", "-"))


def _near(name: str) -> str:
    candidates = [*shipped_recipes(), *map(str, Path().glob("*.yaml"))]
    near = suggest(name, candidates)
    return f" - did you mean {near!r}?" if near else ""
