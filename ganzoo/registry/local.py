"""A plugin that is one file: ``--plugin ./mine.py`` is the namespace ``local``.

The file becomes a module that is named after its place and content, so that it may be called
anything, be copied, and stand beside another of its name. What a target says before the colon is
therefore not looked at: in a local plugin every target is in the file itself.
"""

import hashlib
import sys
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
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
    """Return the module that a file holds; the same one again as long as it does not change.

    Raises:
        PluginError: the file imports another beside it, which the copy in a run would not find.
    """
    key = hashlib.sha256(str(file).encode() + b"\0" + source).hexdigest()
    name = f"ganzoo_local_{key[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _OneFile(file, source)
    spec = ModuleSpec(name, loader, origin=str(file))
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError) and (file.parent / f"{error.name}.py").exists():
            raise PluginError(
                f"it imports {error.name}.py, but a plugin of one file is one file, so that a run"
                " can keep it; several are a distribution: ganzoo new plugin NAME"
            ) from error
        raise
    return module
