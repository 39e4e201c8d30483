"""Load a recipe: from a file to a `Recipe`, typed data in which every value knows its line.

The passes, in order. Each reports all problems that it finds; where one finds any, the next passes
still check what is right of the recipe, as far as they can.

    1  YAML         `yaml.read_mapping`       syntax, duplicate keys, sizes; file:line:column
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
from ganzoo.recipes.merge import Layer, Origin, at, fold, nearest
from ganzoo.recipes.overrides import Overrides, override_layer
from ganzoo.recipes.schema import BOTH, SIDES, Settings, named_components, settings_data
from ganzoo.recipes.validate import check, placed
from ganzoo.recipes.yaml import KeyPath, Reading, read_mapping
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of, qualify

if TYPE_CHECKING:
    from ganzoo.registry import Registry

FORMAT = 1
"""The version of the recipe format that this ganzoo reads."""

NEVER_INHERITED = ("name", "description", "paper", "published", "reproduced")
LOCK_SUFFIX = ".lock.yaml"


@dataclass(frozen=True)
class Recipe:
    """A recipe whose YAML and skeleton are right; whether its components exist is yet to see.

    `data` is what was written, merged: components in their long form, no defaults, no slot that
    null removed. `origins` says where each of its values was written (and, for the optimizer of
    each player, where `both` was). `notes` are lines about what merging dropped.
    """

    reference: str
    """What was asked for."""
    text: str
    """The file that was asked for, as it stands."""
    data: dict[str, Any]
    origins: dict[KeyPath, Origin]
    notes: tuple[str, ...]
    settings: Settings
    lock: Mapping[str, Any] | None = None
    """The whole content of the file, where that is a lock."""

    @classmethod
    def load(
        cls,
        reference: str | Path,
        overrides: Overrides = (),
        registry: "Registry | None" = None,
    ) -> "Recipe":
        """Return the recipe in a file, or the shipped or plugin's recipe of that name.

        Args:
            reference: a path that ends in .yaml, ``NAME``, ``namespace/NAME``, or a lock file.
            overrides: ``key=value`` strings, or a mapping such as ``{"train.steps": 500}``.
            registry: where plugins' recipes are looked up; None: whatever is installed.

        Raises:
            RecipeError: every problem of the first pass that finds any. Where the second one does,
                `partial` is the recipe without them.
            PluginError: the reference means a plugin's recipe that is not there.
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
        """The recipe's name: what it says, else the file's stem or the recipe's id."""
        return self.settings.name

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.settings.seed

    def resolved(self) -> dict[str, Any]:
        """Return the recipe with the skeleton's defaults filled in; itself a valid recipe.

        Components have the parameters that were written; `ganzoo.components` knows the others.
        """
        data: dict[str, Any] = settings_data(self.settings)
        return data

    def problem(self, path: KeyPath, what: str) -> Problem:
        """Return a problem at the place where `path`, or what is nearest around it, stands."""
        side, rest = path[:2], path[2:]
        if side in SIDES and at(self.data, path[:3]) is None:
            path = (*BOTH, *rest) if at(self.data, (*BOTH, *rest[:1])) is not None else path
        return placed(self.origins, path, what)

    def directory_of(self, path: KeyPath) -> Path:
        """Return what a relative path written at `path` is relative to."""
        return nearest(self.origins, path).directory


# --- the files of a recipe -----------------------------------------------------------------------


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
    what = f"format version {describe(version)} is not known; this ganzoo reads `recipe: {FORMAT}`"
    return [file.problem("recipe", what)]


def _is_lock(file: _File) -> bool:
    return file.located.path.name.endswith(LOCK_SUFFIX)


def _lock_section(file: _File) -> list[Problem]:
    if not _is_lock(file) or file.reading.problems or isinstance(file.data.get("lock"), dict):
        return []
    return [file.problem("lock", "a lock file has a section of this name; this is not a lock")]


# --- pass 3: ids ---------------------------------------------------------------------------------

_ALWAYS = (
    "the Fréchet distance is no entry here: it is computed wherever there is an extractor, and is "
    "called FID where that is Inception's"
)
_KNOWN = {
    ("metric", "zoo/fid"): _ALWAYS,
    ("metric", "zoo/frechet"): _ALWAYS,
}
"""Names that people expect, and what to say of them as long as nothing is registered so."""


def check_ids(recipe: Recipe, registry: "Registry") -> None:
    """Look every name of a recipe up. Only the namespaces that the recipe names are loaded.

    Raises:
        RecipeError: a problem, sorted by line, for every name that the registry does not know;
            the advice is that for the first of them.
    """
    findings = Findings()
    for path, kind, node in named_components(recipe.settings):
        try:
            registry.get(kind, node.use, requirement=requirement(recipe, namespace_of(node.use)))
        except PluginError as error:
            what = _KNOWN.get((kind, qualify(node.use)), error.message)
            hint = _plugin_beside(recipe, node.use) or error.hint
            findings.add(recipe.problem(_said(recipe, path), what), hint)
    findings.raise_any()


def _plugin_beside(recipe: Recipe, name: str) -> str | None:
    """Return the option that brings what a run was made with: it keeps a copy of the file."""
    file = Path(recipe.reference).parent / "plugin.py"
    if namespace_of(name) == LOCAL_NAMESPACE and recipe.lock and file.is_file():
        return f"the same command with --plugin {shlex.quote(str(file))}"
    return None


def requirement(recipe: Recipe, namespace: str) -> str | None:
    """Return what pip would install to bring a namespace, as far as the recipe knows.

    A lock has the very distribution and version; else it is all that the recipe `requires`.
    """
    resolved = recipe.lock["lock"].get("components") if recipe.lock else None
    for component in resolved.values() if isinstance(resolved, dict) else ():
        match component:
            case {"id": str(id), "distribution": str(distribution), "version": str(version)}:
                if namespace_of(id) == namespace:
                    return shlex.quote(f"{distribution}=={version}")
    return shlex.join(recipe.settings.requires) or None


def _said(recipe: Recipe, path: KeyPath) -> KeyPath:
    """Return where the name was written: at `use`, unless the slot holds nothing but the name."""
    use = (*path, "use")
    origin = recipe.origins.get(use)
    if path in SIDES and origin == recipe.origins.get((*BOTH, "use")):
        path = BOTH
        use = (*path, "use")
    return use if origin and origin != recipe.origins.get(path) else path
