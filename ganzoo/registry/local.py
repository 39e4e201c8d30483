"""A plugin that is one file: ``--plugin ./mine.py`` is the namespace ``local``."""

import sys
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

from ganzoo.errors import PluginError


class _OneFile(SourceLoader):
    """Runs exactly the bytes that were hashed, and leaves no bytecode beside the user's file."""

    def __init__(self, file: Path, source: bytes) -> None:
        self.file = file
        self.source = source

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:
        return self.source


def import_file(file: Path, source: bytes) -> ModuleType:
    """Import one file as the module of its own name, so that its targets are ``name:Factory``.

    Raises:
        PluginError: a name that is no module's name, or that another module has.
    """
    name = file.stem
    if not name.isidentifier() or file.suffix != ".py":
        raise PluginError(f"{file.name} is no Python module's name, such as mine.py")
    other = sys.modules.get(name)
    taken = getattr(other, "__spec__", None) if other else find_spec(name)
    if (other or taken) and getattr(taken, "origin", None) != str(file):
        raise PluginError(f"{file.name} has the name of another module; rename the file")
    loader = _OneFile(file, source)
    spec = ModuleSpec(name, loader, origin=str(file))
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
