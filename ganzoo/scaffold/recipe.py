"""The file of a new recipe, and one that extends another."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from ganzoo.errors import UsageError
from ganzoo.recipes.load import FORMAT, NEVER_INHERITED, Recipe, inside_project, is_path
from ganzoo.recipes.yaml import yaml_line
from ganzoo.runs.files import write_new as write_new_file
from ganzoo.runs.files import writing
from ganzoo.runs.references import check_name

_MAIN = ("dataset", "generator", "discriminator", "loss", "regularizers", "augmentation",
         "optimizers", "schedules", "train", "eval")  # fmt: skip
"""What a child recipe changes most often, listed first."""
_OF_THE_FILE = ("recipe", "extends", "requires", *NEVER_INHERITED)


def new_file(name: str) -> Path:
    """Return the file of a new recipe, in the working directory.

    Raises:
        UsageError: the name is not valid for runs, or the file exists.
    """
    stem = name.removesuffix(".yaml")
    try:
        check_name(stem)
    except UsageError as error:
        raise UsageError(error.message, hint="ganzoo new recipe NAME --from ID") from error
    file = Path(f"{stem}.yaml")
    if file.exists():
        what = f"{file} exists already and is left unchanged"
        raise UsageError(
            what, hint=f"ganzoo check {shlex.quote(str(file))}   # or choose another name"
        )
    return file


def write_new(file: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        UsageError, DiskError: it exists by now, or cannot be written.
    """
    with writing(file, "run this in a directory that you can write to"):
        write_new_file(file, text.encode())


def child_text(file: Path, parent: Recipe) -> str:
    """Return a recipe that extends `parent`, with the parent's settings as comments."""
    reference = parent.reference
    if is_path(reference):
        reference = _from_here(reference)
    lines = [
        f"# The same as {parent.name}. To change a setting, remove the '# ' before its line.",
        f"#   ganzoo show {file}     prints every setting, and where it comes from",
        f"#   ganzoo check {file}    finds every mistake without training",
        f"recipe: {FORMAT}",
        f"name: {yaml_line(file.stem)}",
        f"extends: {yaml_line(reference)}",
        "",
        "# description: one sentence for `ganzoo recipes`",
        "# seed: 0",
        *_comments(parent),
    ]
    return "\n".join(lines) + "\n"


def _from_here(reference: str) -> str:
    """Return a recipe's path relative to the working directory.

    Raises:
        UsageError: it is in another project.
    """
    try:
        path = inside_project(reference, Path.cwd())
    except ValueError as error:
        raise UsageError(str(error), hint="ganzoo recipes") from error
    return os.path.relpath(path, Path.cwd())


def _comments(parent: Recipe) -> Iterator[str]:
    """Yield the parent's settings, most often changed first; nested mappings take several lines."""
    data = {key: value for key, value in parent.data.items() if key not in _OF_THE_FILE}
    order = [*(key for key in _MAIN if key in data), *(key for key in data if key not in _MAIN)]
    for key in order:
        value = data[key]
        if isinstance(value, dict) and any(isinstance(each, dict) for each in value.values()):
            yield f"# {key}:"
            yield from (f"#   {yaml_line(name)}: {yaml_line(each)}" for name, each in value.items())
        elif key != "seed":
            yield f"# {key}: {yaml_line(value)}"
