"""Load a recipe: from files and overrides to a `Recipe`, typed data that knows its source lines.

The passes, in order. Each reports all problems that it finds. After problems in pass 2 or later,
the next passes still check the partial recipe: the rest of it, without its wrong values.

    1  YAML         `yaml.read_mapping`       syntax, duplicate keys, sizes
                    `read_chain`              the files that `extends` names
                    `merge.fold`              one layer from files and overrides
    2  schema       `validate.check`          keys, types, ranges, budgets → `Settings`
    3  ids          `components.planner`      every name is an installed component
    4  parameters   `components.planner`      each component's parameters, then what fits together
    5  dry run      `ganzoo.training`         one update of D and of G
"""

import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import PluginError, Problem, RecipeError, UsageError, describe, truncate
from ganzoo.recipes.merge import Layer, Origin, fold, nearest, problem_at, value_at
from ganzoo.recipes.overrides import Overrides, override_layer
from ganzoo.recipes.schema import BOTH, BUDGETS, SIDES, Settings
from ganzoo.recipes.show import settings_data
from ganzoo.recipes.validate import check
from ganzoo.recipes.yaml import SUFFIXES, KeyPath, Reading, read_mapping, read_text, refusal
from ganzoo.registry.names import guess
from ganzoo.runs import html
from ganzoo.runs.directory import INFO

if TYPE_CHECKING:
    from ganzoo.registry import Registry

FORMAT = 1
"""Version of the recipe format."""

NEVER_INHERITED = ("name", "description", "paper", "published", "reproduced")
LOCK_SUFFIX = ".lock.yaml"
_PROJECT_MARKERS = (".git", "pyproject.toml")
_SHIPPED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLUGINS = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Recipe:
    """A recipe that passed the YAML and schema passes; its components are not looked up yet.

    `data` is the merged content of the files and overrides: components in long form, without
    defaults and without slots that null removed. `origins` says where each value was written; an
    optimizer setting of one player may come from `both`. `notes` says what merging dropped.
    """

    reference: str
    """Name or path that the recipe was loaded by."""
    text: str
    """Content of the recipe's own file."""
    data: dict[str, Any]
    origins: dict[KeyPath, Origin]
    notes: tuple[str, ...]
    settings: Settings
    lock: Mapping[str, Any] | None = None
    """Content of the file if it is a lock, else None."""

    @classmethod
    def load(
        cls,
        reference: str | Path,
        overrides: Overrides = (),
        registry: "Registry | None" = None,
    ) -> "Recipe":
        """Load a recipe from a file, or by the name of a shipped or plugin recipe.

        Args:
            reference: a path that ends in .yaml, ``NAME``, ``namespace/NAME``, or a lock file.
            overrides: ``key=value`` strings, or a mapping such as ``{"train.steps": 500}``.
            registry: where plugin recipes are looked up; None: the installed plugins.

        Raises:
            RecipeError: all problems of the first pass that finds any. For the schema pass,
                `partial` is the recipe without its wrong values.
            PluginError: the reference names a plugin recipe that does not exist.
        """
        files = _read_files(reference, registry)
        merged = fold(_layers(files))
        if overrides:
            merged = fold([merged, override_layer(overrides)])
        top = files[0]
        about: dict[str, Any] = {
            "reference": str(reference),
            "text": top.text,
            "lock": top.reading.data if top.is_lock else None,
        }
        try:
            layer, settings = check(merged, top.located.default_name)
        except RecipeError as error:
            error.partial = cls._of(*error.partial, **about) if error.partial else None
            raise
        return cls._of(layer, settings, **about)

    @classmethod
    def _of(cls, layer: Layer, settings: Settings, **about: Any) -> "Recipe":
        return cls(
            data=layer.data, origins=layer.origins, notes=layer.notes, settings=settings, **about
        )

    @property
    def name(self) -> str:
        """Name of the recipe; default: the stem of the file, or the recipe's id."""
        return self.settings.name

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.settings.seed

    def __repr__(self) -> str:
        return f"<Recipe {', '.join(f'{name} {text}' for name, text in self._facts())}>"

    def _repr_html_(self) -> str:
        return html.table(self._facts()) + html.paragraphs(self.text)

    def _facts(self) -> list[tuple[str, str]]:
        """Return what the recipe is, as names and words: its components and its budget."""
        settings = self.settings
        parts = ("generator", "discriminator", "loss", "dataset")
        facts = [(part, getattr(settings, part).use) for part in parts]
        budget = next(each for each in BUDGETS if getattr(settings.train, each) is not None)
        facts.append((budget, f"{getattr(settings.train, budget):,}"))
        return [("name", self.name), *facts, ("seed", str(self.seed))]

    def resolved(self) -> dict[str, Any]:
        """Return the recipe with the schema's defaults filled in; it is itself a valid recipe.

        Components have only the parameters that were written; `ganzoo.components` adds the others.
        """
        data: dict[str, Any] = settings_data(self.settings)
        return data

    def problem(self, path: KeyPath, what: str) -> Problem:
        """Return a problem located where `path`, or the closest value around it, was written."""
        side, rest = path[:2], path[2:]
        if side in SIDES and value_at(self.data, path[:3]) is None:
            path = (*BOTH, *rest) if value_at(self.data, (*BOTH, *rest[:1])) is not None else path
        return problem_at(self.origins, path, what)

    def directory_of(self, path: KeyPath) -> Path:
        """Return the directory that a relative path written at `path` is relative to."""
        return nearest(self.origins, path).directory


# --- the files of a recipe -----------------------------------------------------------------------


class Located(NamedTuple):
    """The file of a recipe."""

    path: Path
    label: str
    """Name in messages: the shortest path, or the recipe's id."""
    default_name: str
    """Name of the recipe if it has no `name` key."""


class _File(NamedTuple):
    located: Located
    text: str
    reading: Reading

    @property
    def is_lock(self) -> bool:
        return self.located.path.name.endswith(LOCK_SUFFIX)

    def problem(self, key: str, what: str) -> Problem:
        """Return a problem located at a top-level key, or at the start of the file."""
        line, column = self.reading.marks.get((key,), (1, 1))
        return Problem(self.located.label, line, column, key, what)


def _read_files(reference: str | Path, registry: "Registry | None") -> list[_File]:
    """Read a recipe's file and all its ancestors, the oldest last.

    Raises:
        RecipeError: every problem of YAML, version and `extends` in the files that can be read.
        PluginError: the reference names a plugin recipe that does not exist.
    """
    files = [_read(locate(_own_file(reference), registry))]
    problems = [*files[0].reading.problems, *_version(files[0]), *_lock_section(files[0])]
    hint = None
    while "extends" in files[-1].reading.data:
        try:
            files.append(_read(_parent(files, registry)))
        except RecipeError as error:
            problems += [_at_extends(each, files[-1]) for each in error.problems]
            hint = _hint_lock_of_run(files[0]) or error.hint
            break
        problems += [*files[-1].reading.problems, *_version(files[-1])]
    if problems:
        raise RecipeError(sorted(problems), hint=hint)
    return files


def _layers(files: list[_File]) -> list[Layer]:
    """Return the files as layers, the oldest ancestor first, with only what is inherited."""
    layers = []
    for file in files:
        path, label, _ = file.located
        layer = Layer.of(file.reading.data, file.reading.marks, label, path.resolve().parent)
        dropped = ["extends"]
        if file is not files[0]:
            dropped += ["recipe", *NEVER_INHERITED]
        elif file.is_lock:
            dropped += ["lock"]
        layers.append(layer.without(*dropped))
    return layers[::-1]


def _hint_lock_of_run(file: _File) -> str | None:
    """Return a hint if the file is the recipe of a run whose parents are gone: use its lock."""
    path = file.located.path
    lock = path.with_name("recipe" + LOCK_SUFFIX)
    if path.name == "recipe.yaml" and lock.is_file():
        return f"the same command with {shlex.quote(str(lock))}, which is complete in itself"
    return None


def _read(located: Located) -> _File:
    text = read_text(located.path, located.label)
    return _File(located, text, read_mapping(text, located.label))


def _parent(files: list[_File], registry: "Registry | None") -> Located:
    """Return the parent of the last file.

    Raises:
        RecipeError: `extends` names no recipe, a file outside the project, or a descendant.
    """
    child = files[-1]
    reference = child.reading.data["extends"]
    try:
        if not isinstance(reference, str):
            many = " - a recipe has one parent" if isinstance(reference, list) else ""
            raise ValueError(f"expected a recipe's id or a path, got {describe(reference)}{many}")
        if is_path(reference):
            parent = located(inside_project(reference, child.located.path.resolve().parent))
        else:
            parent = locate(reference, registry)
    except ValueError as error:
        raise RecipeError(
            [child.problem("extends", str(error))],
            hint="ganzoo recipes   # the ids that `extends` takes, beside paths",
        ) from error
    except PluginError as error:
        raise RecipeError([child.problem("extends", error.message)], hint=error.hint) from error
    if parent.path.resolve() in [each.located.path.resolve() for each in files]:
        circle = " -> ".join([*(each.located.label for each in files), parent.label])
        raise RecipeError(
            [child.problem("extends", f"is circular: {circle}")],
            hint="remove `extends` from one of them",
        )
    return parent


def _at_extends(problem: Problem, child: _File) -> Problem:
    """Return a problem of a whole parent file as a problem of the line that names the parent."""
    if problem.line:
        return problem
    return child.problem("extends", f"{problem.file} {problem.what}")


def _version(file: _File) -> list[Problem]:
    version = file.reading.data.get("recipe", FORMAT)
    if type(version) is int and version == FORMAT:
        return []
    what = f"unknown format version {describe(version)} - this ganzoo reads `recipe: {FORMAT}`"
    return [file.problem("recipe", what)]


def _lock_section(file: _File) -> list[Problem]:
    if not file.is_lock or file.reading.problems or isinstance(file.reading.data.get("lock"), dict):
        return []
    return [file.problem("lock", "is missing: this file is not a lock")]


# --- where recipes are ---------------------------------------------------------------------------


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
        lock = shlex.quote(str(run / "recipe.lock.yaml"))
        hint = f"ganzoo resume {shlex.quote(str(run))}   # or its recipe: ganzoo show {lock}"
        raise refusal(name, "is a run, not a recipe", hint)
    if is_path(reference):
        return located(Path(reference))
    if _PLUGINS.fullmatch(name):
        return _of_plugin(name, registry)
    if _SHIPPED.fullmatch(name) and (path := shipped_recipes().get(name)):
        return Located(path, name, name)
    if os.path.isdir(name):
        return located(Path(name))
    if name == "last":
        raise refusal(name, "is a run, not a recipe", "ganzoo resume last   # or: ganzoo ls")
    near = guess(name, [*shipped_recipes(), *(path.stem for path in Path().glob("*.yaml"))])
    other = "ganzoo recipes   # or a path that ends in .yaml"
    raise refusal(truncate(name), f"is not a recipe{near}", other)


def _run_of(name: str) -> Path | None:
    """Return the run directory that the name refers to, if any."""
    for directory in (Path(name), Path("runs") / name):
        try:
            if (directory / INFO).is_file():
                return directory
        except (OSError, ValueError):  # too long for a path, or a null byte
            return None
    return None


def _own_file(reference: str | Path) -> str | Path:
    """Return NAME.yaml of the working directory for a NAME that no shipped recipe has.

    So what `ganzoo new recipe mine` wrote is run as `mine`. Only for a recipe that is given by
    hand: what a file extends does not depend on the working directory.
    """
    if isinstance(reference, str) and _SHIPPED.fullmatch(reference):
        file = Path(f"{reference}.yaml")
        with suppress(OSError):  # a name that is too long for a file
            if reference not in shipped_recipes() and not _run_of(reference) and file.is_file():
                return file
    return reference


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
        what = f"is not a recipe - did you mean {str(file)!r}?"
        raise refusal(name, what, f"give the file with its suffix: {file}") from error
    return Located(path, name, name.replace("/", "-"))


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
