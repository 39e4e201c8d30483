"""The project that a recipe belongs to, which no path in it may leave; reading its files."""

from pathlib import Path

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.scalars import shortened
from ganzoo.recipes.strict_yaml import MAX_BYTES
from ganzoo.registry.names import suggest

SUFFIXES = (".yaml", ".yml")
_MARKERS = (".git", "pyproject.toml")


def project_root(directory: Path) -> Path:
    """Return the nearest directory upwards that has a ``.git`` or a ``pyproject.toml``.

    Where there is none it is the working directory, or `directory` itself if that lies elsewhere.
    """
    directory = directory.resolve()
    for candidate in (directory, *directory.parents):
        if any((candidate / marker).exists() for marker in _MARKERS):
            return candidate
    here = Path.cwd()
    return here if directory.is_relative_to(here) else directory


def inside_project(text: str, directory: Path) -> Path:
    """Return the absolute path that `text` means in a recipe of `directory`, links resolved.

    Raises:
        ValueError: the path leads out of the project, or cannot be one.
    """
    root = project_root(directory)
    try:
        path = (directory / text).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a null byte
        raise ValueError(f"{shortened(repr(text))} cannot be a path") from error
    if not path.is_relative_to(root):
        what = f"{shortened(repr(text))} leads out of the project {root}"
        raise ValueError(f"{what} - copy the recipe into it")
    return path


def read_text(path: Path, file: str) -> str:
    """Return the text of a recipe's file; `file` is its name in messages.

    Raises:
        RecipeError: a file that is missing, is a directory, is larger than 1 MiB, is not UTF-8,
            or may not be read.
    """
    try:
        if path.is_dir():
            raise _unreadable(file, "is a directory, not a recipe", "name the .yaml file in it")
        if not path.is_file():
            raise _unreadable(file, f"is not there{_near(path, file)}", "ganzoo recipes")
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


def _near(path: Path, file: str) -> str:
    names = [each.name for each in path.parent.glob("*") if each.suffix in SUFFIXES]
    near = suggest(path.name, names)
    return f" - did you mean {str(Path(file).with_name(near))!r}?" if near else ""


def _unreadable(file: str, what: str, hint: str | None) -> RecipeError:
    return RecipeError([Problem(file, 0, 0, "", what)], hint=hint)
