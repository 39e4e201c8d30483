"""What stands behind the colon of a target: something in a module, or a file in a package."""

from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from ganzoo.registry.names import suggest


def attribute_in(module: ModuleType, path: str) -> Any:
    """Return the class or function at a dotted path.

    Raises:
        LookupError: what is not there, and what comes nearest.
    """
    target: Any = module
    for attribute in path.split("."):
        if not hasattr(target, attribute):
            near = suggest(attribute, dir(target))
            raise LookupError(f"{attribute!r}" + (f" - did you mean {near!r}?" if near else ""))
        target = getattr(target, attribute)
    if not callable(target):
        raise LookupError(f"class or function {path!r}, but {target!r}")
    return target


def file_in(package: ModuleType, path: str) -> Path:
    """Return the file at a path inside a package.

    Raises:
        LookupError: it is not there.
    """
    if not hasattr(package, "__path__"):
        raise LookupError(f"file {path}: it is a module, and files are in packages")
    file = Path(str(files(package).joinpath(path)))
    if not file.is_file():
        raise LookupError(f"file {path}")
    return file
