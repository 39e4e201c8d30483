"""Plugins as the scaffold writes them, installed for one test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.scaffold.plugin import names_of, plugin_files

InstallScaffold = Callable[..., Path]


@pytest.fixture
def install_scaffold(install_plugin) -> InstallScaffold:
    """Install what is written for some kinds; return the directory that is on the path."""

    def install(*kinds: str, namespace: str = "acme") -> Path:
        names = names_of(namespace)
        files = plugin_files(names, kinds)
        inside = {path: text for path, text in files.items() if path.startswith(names.package)}
        return install_plugin(names.distribution, inside, **{namespace: names.package})

    return install
