"""Every test has a cache of its own and leaves the user's alone; plugins are made on disk."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

InstallPlugin = Callable[..., Path]

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: the cores are shared already
    os.environ.setdefault("OMP_NUM_THREADS", "1")

for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):  # tests install from other directories
    if name in os.environ:
        os.environ[name] = str(Path(os.environ[name]).absolute())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files with most slow tests go first: one of them at the end would be waited for."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "ganzoo-cache"
    monkeypatch.setenv("GANZOO_CACHE", str(cache))
    return cache


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Make a distribution on disk as an installer leaves it, and put it on the path.

    `install_plugin("ganzoo-acme", {"ganzoo_acme": SOURCE}, acme="ganzoo_acme")` declares the
    namespace ``acme``. Modules are forgotten at the end of the test.
    """
    before = set(sys.modules)
    made = iter(range(100))

    def install(
        name: str,
        modules: dict[str, str],
        *,
        version: str = "1.0",
        group: str = "ganzoo.v1",
        **entry_points: str,
    ) -> Path:
        site = tmp_path / f"site-{next(made)}"
        about = site / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        lines = [f"{namespace} = {target}" for namespace, target in entry_points.items()]
        (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        for path, text in modules.items():
            file = site / (path if "." in path else f"{path}.py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
