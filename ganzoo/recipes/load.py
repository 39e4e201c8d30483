"""Load a recipe: from files and overrides to a `Recipe`, typed data that knows its source lines.

The passes, in order. Each reports all problems that it finds. After problems in pass 2 or later,
the next passes still check the partial recipe: the rest of it, without its wrong values.

    1  YAML         `yaml.read_mapping`       syntax, duplicate keys, sizes
                    `read_chain`              the files that `extends` names
                    `merge.fold`              one layer from files and overrides
    2  schema       `validate.check`          keys, types, ranges, budgets → `Settings`
    3  ids          `check_ids`               every name is an installed component
    4  parameters   `ganzoo.components`       each component's parameters, then what fits together
    5  dry run      `ganzoo.training`         one update of G and D on fake tensors
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import Findings, PluginError, Problem, RecipeError, describe
from ganzoo.recipes.locate import Located, inside_project, is_path, locate, located, read_text
from ganzoo.recipes.merge import Layer, Origin, fold, nearest, value_at
from ganzoo.recipes.overrides import Overrides, override_layer
from ganzoo.recipes.schema import BOTH, SIDES, Settings, named_components, settings_data
from ganzoo.recipes.validate import check, problem_at
from ganzoo.recipes.yaml import KeyPath, Reading, read_mapping
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of, qualify

if TYPE_CHECKING:
    from ganzoo.registry import Registry

FORMAT = 1
"""Version of the recipe format."""

NEVER_INHERITED = ("name", "description", "paper", "published", "reproduced")
LOCK_SUFFIX = ".lock.yaml"


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
        chain = read_chain(reference, registry)
        merged = fold(chain.layers)
        if overrides:
            merged = fold([merged, override_layer(overrides)])
        about: dict[str, Any] = {
            "reference": str(reference),
            "text": chain.text,
            "lock": chain.lock,
        }
        try:
            layer, settings = check(merged, chain.located.default_name)
        except RecipeError as error:
            error.partial = cls._of(*error.partial, **about) if error.partial else None
            raise
        return cls._of(layer, settings, **about)

    @classmethod
    def _of(cls, layer: Layer, settings: Settings, **about: Any) -> "Recipe":
        return cls(
            data=layer.data,
            origins=layer.origins,
            notes=layer.notes,
            settings=settings,
            **about,
        )

    @property
    def name(self) -> str:
        """Name of the recipe; default: the stem of the file, or the recipe's id."""
        return self.settings.name

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.settings.seed

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


@dataclass(frozen=True)
class Chain:
    """The files of one recipe as layers; the last ancestor comes first."""

    layers: tuple[Layer, ...]
    text: str
    """Content of the recipe's own file."""
    located: Located
    lock: dict[str, Any] | None
    """Content of the file if it is a lock, else None."""


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
        """Return a problem located at a top-level key, or at the start of the file."""
        line, column = self.reading.marks.get((key,), (1, 1))
        return Problem(self.located.label, line, column, key, what)

    def layer(self) -> Layer:
        directory = self.located.path.resolve().parent
        return Layer.of(self.data, self.reading.marks, self.located.label, directory)


def read_chain(reference: str | Path, registry: "Registry | None" = None) -> Chain:
    """Read a recipe's file and all its ancestors.

    Raises:
        RecipeError: every problem of YAML, version and `extends` in the files that can be read.
        PluginError: the reference names a plugin recipe that does not exist.
    """
    files = [_read(locate(reference, registry))]
    problems = [*files[0].reading.problems, *_version(files[0]), *_lock_section(files[0])]
    hint = None
    while "extends" in files[-1].data:
        try:
            files.append(_read(_parent(files, registry)))
        except RecipeError as error:
            problems += [_at_extends(each, files[-1]) for each in error.problems]
            hint = _hint_lock_of_run(files[0]) or error.hint
            break
        problems += [*files[-1].reading.problems, *_version(files[-1])]
    if problems:
        raise RecipeError(sorted(problems), hint=hint)
    return _chain(files)


def _hint_lock_of_run(file: _File) -> str | None:
    """Return a hint if the file is the recipe of a run whose parents are gone: use its lock."""
    path = file.located.path
    lock = path.with_name("recipe" + LOCK_SUFFIX)
    if path.name == "recipe.yaml" and lock.is_file():
        return f"the same command with {shlex.quote(str(lock))}, which is complete in itself"
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
        RecipeError: `extends` names no recipe, a file outside the project, or a descendant.
    """
    child = files[-1]
    reference = child.data["extends"]
    try:
        if not isinstance(reference, str):
            many = " - a recipe has one parent" if isinstance(reference, list) else ""
            raise ValueError(f"expected a recipe's id or a path, got {describe(reference)}{many}")
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
        raise RecipeError([child.problem("extends", f"is circular: {circle}")])
    return parent


def _at_extends(problem: Problem, child: _File) -> Problem:
    """Return a problem of a whole parent file as a problem of the line that names the parent."""
    if problem.line:
        return problem
    return child.problem("extends", f"{problem.file} {problem.what}")


def _version(file: _File) -> list[Problem]:
    version = file.data.get("recipe", FORMAT)
    if type(version) is int and version == FORMAT:
        return []
    what = f"unknown format version {describe(version)} - this ganzoo reads `recipe: {FORMAT}`"
    return [file.problem("recipe", what)]


def _is_lock(file: _File) -> bool:
    return file.located.path.name.endswith(LOCK_SUFFIX)


def _lock_section(file: _File) -> list[Problem]:
    if not _is_lock(file) or file.reading.problems or isinstance(file.data.get("lock"), dict):
        return []
    return [file.problem("lock", "is missing: this file is not a lock")]


# --- pass 3: ids ---------------------------------------------------------------------------------

_ALWAYS = (
    "the Fréchet distance is not listed as a metric: it is always computed if there is an "
    "extractor, and called FID if that is Inception"
)
_EXPECTED_NAMES = {
    ("metric", "zoo/fid"): _ALWAYS,
    ("metric", "zoo/frechet"): _ALWAYS,
}
"""Messages for names that users expect but that are not registered."""


def check_ids(recipe: Recipe, registry: "Registry") -> None:
    """Look up every component of a recipe. Only plugins that the recipe names are loaded.

    Raises:
        RecipeError: one problem per unknown name, sorted by line, with the hint of the first.
    """
    findings = Findings()
    for path, kind, node in named_components(recipe.settings):
        try:
            registry.get(kind, node.use, requirement=requirement(recipe, namespace_of(node.use)))
        except PluginError as error:
            what = _EXPECTED_NAMES.get((kind, qualify(node.use)), error.message)
            hint = _hint_plugin_of_run(recipe, node.use) or error.hint
            findings.add(recipe.problem(_use_path(recipe, path), what), hint)
    findings.raise_any()


def _hint_plugin_of_run(recipe: Recipe, name: str) -> str | None:
    """Return a hint if the recipe is the lock of a run that keeps a copy of its plugin file."""
    file = Path(recipe.reference).parent / "plugin.py"
    if namespace_of(name) == LOCAL_NAMESPACE and recipe.lock and file.is_file():
        return f"the same command with --plugin {shlex.quote(str(file))}"
    return None


def requirement(recipe: Recipe, namespace: str) -> str | None:
    """Return the pip requirements that provide a namespace, as far as the recipe knows them.

    A lock names the exact distribution and version; otherwise return all of `requires`.
    """
    resolved = recipe.lock["lock"].get("components") if recipe.lock else None
    for component in resolved.values() if isinstance(resolved, dict) else ():
        match component:
            case {"id": str(id), "distribution": str(distribution), "version": str(version)}:
                if namespace_of(id) == namespace:
                    return shlex.quote(f"{distribution}=={version}")
    return shlex.join(recipe.settings.requires) or None


def _use_path(recipe: Recipe, path: KeyPath) -> KeyPath:
    """Return where the name was written: `use`, or the slot itself in the short form."""
    use = (*path, "use")
    origin = recipe.origins.get(use)
    if path in SIDES and origin == recipe.origins.get((*BOTH, "use")):
        path = BOTH
        use = (*path, "use")
    return use if origin and origin != recipe.origins.get(path) else path
