"""The files of a new plugin, made from the templates and written."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ganzoo.api import HOOKS
from ganzoo.errors import UsageError
from ganzoo.scaffold.names import Names

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
"""The templates that every plugin gets; beside them, one file a kind."""

ELSEWHERE = "choose another place with --out DIR"

_BETWEEN_HOOKS = "\n\n\n@hookimpl\n"
_ACME = re.compile("(ganzoo_)?acme")
_TAGGED = re.compile(r" *#: ([a-z -]+)$")


def plugin_files(names: Names, kinds: Collection[str]) -> dict[str, str]:
    """Return the files of a plugin with an example of each kind: relative path → text.

    The recipe that uses them all is always there, whether or not ``recipe`` is among the kinds.
    """
    wanted = {*kinds, "recipe"}
    components = [f"ganzoo_acme/{kind}.py" for kind in HOOKS if kind in wanted - {"recipe"}]
    files = {}
    for template in (*ALWAYS, *components):
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        text = "\n".join(_lines(_hooks(text, wanted), wanted)) + "\n"
        files[_named(_dotted(template), names)] = _named(text, names)
    return files


def write_plugin(files: Mapping[str, str], directory: Path) -> None:
    """Write the files below a directory that is empty or not there yet.

    Raises:
        UsageError: there is something already, or the place cannot be written to.
    """
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(
                f"{directory} is there already, and not an empty directory",
                hint=ELSEWHERE,
            )
        for path, text in files.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename or directory}: {error.strerror}",
            hint=ELSEWHERE,
        ) from error


def _hooks(text: str, kinds: Collection[str]) -> str:
    """Leave out the hooks of a module that are of other kinds."""
    head, *hooks = text.split(_BETWEEN_HOOKS)
    chosen = [hook for hook in hooks if any(f"def {HOOKS[kind]}(" in hook for kind in kinds)]
    return _BETWEEN_HOOKS.join([head, *chosen])


def _lines(text: str, kinds: Collection[str]) -> Iterator[str]:
    """Yield the lines that are of no kind, or whose tag ``#: kind -other`` holds, without tags."""
    for line in text.splitlines():
        tag = _TAGGED.search(line)
        if tag is None:
            yield line
        elif all((word.lstrip("-") in kinds) != word.startswith("-") for word in tag[1].split()):
            yield line[: tag.start()]


def _dotted(template: str) -> str:
    """Git must not obey a template."""
    return ".gitignore" if template == "gitignore" else template


def _named(text: str, names: Names) -> str:
    return _ACME.sub(lambda found: names.package if found[1] else names.namespace, text)
