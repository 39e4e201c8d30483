"""The names and the files of a new plugin, made from the templates.

``templates/`` is a plugin with one component of every kind and the namespace ``acme``: each kind is
a package whose ``__init__.py`` is a table of its components. A plugin of one kind is simpler: its
component is a file next to the plugin's ``__init__.py``, which holds the table.
"""

import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ganzoo.api import HOOKS
from ganzoo.errors import UsageError
from ganzoo.registry.discovery import BUNDLED_DISTRIBUTIONS
from ganzoo.registry.names import LOCAL_NAMESPACE, PLURALS
from ganzoo.runs.files import write_new, writing

# --- names ---

MOST_LETTERS = 40
CORE = "core"
"""A plugin of this namespace would be called `ganzoo-core`, as the core's distribution is."""

_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """A plugin's namespace, and the names that follow from it."""

    namespace: str

    @property
    def distribution(self) -> str:
        """The name for ``pip install``: ``ganzoo-my-lab``."""
        return f"ganzoo-{self.namespace}"

    @property
    def package(self) -> str:
        """The name for ``import``: ``ganzoo_my_lab``."""
        return f"ganzoo_{self.namespace.replace('-', '_')}"


def names_of(namespace: str) -> Names:
    """Return the names of a plugin with this namespace.

    Raises:
        UsageError: the namespace is reserved, invalid, or too long.
    """
    if namespace in BUNDLED_DISTRIBUTIONS:
        owner = BUNDLED_DISTRIBUTIONS[namespace]
        raise _refused(namespace, f"the namespace {namespace!r} belongs to {owner}")
    if namespace == LOCAL_NAMESPACE:
        raise _refused(namespace, f"the namespace {namespace!r} is reserved for --plugin FILE")
    if namespace == CORE:
        raise _refused(namespace, "the distribution ganzoo-core is ganzoo itself")
    if not _NAMESPACE.fullmatch(namespace):
        raise _refused(
            namespace,
            f"{namespace[:MOST_LETTERS]!r} is not a namespace: use words of lower case letters and"
            " digits, joined by single hyphens, starting with a letter",
        )
    if len(namespace) > MOST_LETTERS:
        raise _refused(
            namespace, f"a namespace has at most {MOST_LETTERS} letters, not {len(namespace)}"
        )
    return Names(namespace)


def _refused(namespace: str, why: str) -> UsageError:
    near = "-".join(re.findall(r"[a-z0-9]+", namespace.lower())).lstrip("0123456789-")
    if near in (*BUNDLED_DISTRIBUTIONS, LOCAL_NAMESPACE, CORE, ""):
        near = f"my-{near or 'lab'}"
    return UsageError(why, hint=f"ganzoo new plugin {near[:MOST_LETTERS].rstrip('-')} --kind …")


# --- files ---

TEMPLATES = Path(__file__).parent / "templates"

ALWAYS = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "gitignore",
    "ganzoo_acme/__init__.py",
    "ganzoo_acme/recipes/demo.yaml",
    "tests/test_conformance.py",
)
"""The templates that every plugin gets, besides those of its kinds."""

ELSEWHERE = "choose another place with --out DIR"

_ACME = re.compile("(ganzoo_)?acme")
_TAGGED = re.compile(r" *#: ([a-z -]+)$")
_IMPORT = re.compile(r"from \.(\w+) import ")
_HOOK = "\n\n\n@hookimpl\n"


def plugin_files(names: Names, kinds: Collection[str]) -> dict[str, str]:
    """Return the files of a plugin with an example of each kind: relative path → text.

    The recipe that uses them is always included, whether or not ``recipe`` is among the kinds.
    """
    wanted = {*kinds, "recipe"}
    files = {}
    for template in ALWAYS:
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        lines = "\n".join(_lines(text, wanted)) + "\n"
        # The template of .gitignore has no dot, so that git ignores it.
        path = template.replace("gitignore", ".gitignore")
        files[path] = lines.replace("\n\n\n\n", "\n\n\n")  # where imports were
    components = [kind for kind in HOOKS if kind in wanted - {"recipe"}]
    for kind in components:
        files |= _package(kind)
    if len(components) == 1:
        files = _flattened(files, *components)
    return {_named(path, names): _named(text, names) for path, text in files.items()}


def write_plugin(files: Mapping[str, str], directory: Path) -> None:
    """Write the files into a directory that is empty or does not exist.

    Raises:
        UsageError, DiskError: the directory is not empty, or cannot be written.
    """
    with writing(directory, ELSEWHERE):
        is_new = not directory.exists()
        if not is_new and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(
                f"{directory} exists already and is not an empty directory", hint=ELSEWHERE
            )
        try:
            for path, text in files.items():
                file = directory / path
                file.parent.mkdir(parents=True, exist_ok=True)
                write_new(file, text.encode())
        except BaseException:  # half a plugin would be in the way of the next try
            for part in directory.iterdir():
                shutil.rmtree(part) if part.is_dir() else part.unlink()
            if is_new:
                directory.rmdir()
            raise


def _package(kind: str) -> dict[str, str]:
    """Return the files of one kind: its table and its component."""
    folder = TEMPLATES / "ganzoo_acme" / PLURALS[kind]
    return {
        f"ganzoo_acme/{PLURALS[kind]}/{file.name}": file.read_text(encoding="utf-8")
        for file in sorted(folder.glob("*.py"))
    }


def _flattened(files: Mapping[str, str], kind: str) -> dict[str, str]:
    """Return a plugin of one kind without the kind's package.

    The table moves to the plugin's ``__init__.py``, and the component to ``KIND.py`` next to it.
    """
    package, top = f"ganzoo_acme/{PLURALS[kind]}/", "ganzoo_acme/__init__.py"
    flat = {path: text for path, text in files.items() if not path.startswith(package)}
    inside = {Path(path).stem: text for path, text in files.items() if path.startswith(package)}
    _, table = inside.pop("__init__").split(_HOOK, 1)
    ((module, component),) = inside.items()
    about, recipes = flat[top].split(_HOOK, 1)
    about = _IMPORT.split(about)[0].rstrip("\n").replace("hookimpl", "hookimpl, table")
    table = table.replace(f'"{module}:', f'"{kind}:').rstrip("\n")
    flat[top] = _HOOK.join([about, table, recipes])
    flat[f"ganzoo_acme/{kind}.py"] = component
    return flat


def _lines(text: str, kinds: Collection[str]) -> Iterator[str]:
    """Yield the lines that belong to the kinds: untagged, or with a matching tag.

    ``#: kind -other`` matches with `kind` and without `other`; the tag is removed. The import of a
    kind's table belongs to that kind.
    """
    packages = {PLURALS[kind] for kind in kinds}
    for line in text.splitlines():
        tag, imported = _TAGGED.search(line), _IMPORT.match(line)
        if imported:
            if imported[1] in packages:
                yield line
        elif tag is None:
            yield line
        elif all((word.lstrip("-") in kinds) != word.startswith("-") for word in tag[1].split()):
            yield line[: tag.start()]


def _named(text: str, names: Names) -> str:
    return _ACME.sub(lambda found: names.package if found[1] else names.namespace, text)
