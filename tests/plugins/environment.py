"""A separate environment: only wheels, and the packages that the core depends on.

Installing torch again would take minutes, so the dependencies are links to the packages of this
process, each by name. Nothing editable and no development tool is visible there.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2]
OURS = ("ganzoo-core", "ganzoo-zoo")


class Environment:
    """A virtual environment at `path`; commands run in the directory `workplace`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.workplace = path.with_name("workplace")
        self.workplace.mkdir()
        venv.create(path, with_pip=False)
        shared = path.with_name("shared")
        _link_dependencies("ganzoo-core", shared)
        self.see(shared)

    @property
    def site(self) -> Path:
        """Where wheels are installed."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.path / "lib" / version / "site-packages"

    def see(self, folder: Path) -> None:
        """Add a folder to the path, after the installed packages."""
        (self.site / f"{folder.name}.pth").write_text(f"{folder}\n")

    def pip(self, *words: str) -> None:
        """Run pip on this environment, offline and without the caller's configuration."""
        pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(self.path / "bin/python")]
        done = self._run([*pip, *words])
        assert done.returncode == 0, done.stderr

    def install(self, *wheels: Path, to: Path | None = None) -> None:
        """Install wheels without dependencies; `to` is a folder other than the environment's."""
        place = ["--target", str(to)] if to else []
        self.pip("install", "--no-deps", "--no-index", "-q", *place, *map(str, wheels))

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution."""
        self.pip("uninstall", "--yes", "-q", name)

    def ganzoo(
        self, *words: str, expect: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; it must end with the expected exit code and without a traceback."""
        done = self._run([str(self.path / "bin/ganzoo"), *words], **environment)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        if "GANZOO_STRICT" not in environment:
            assert "Traceback" not in done.stderr
        return done

    def python(self, *words: str) -> str:
        """Run the environment's Python; return what it printed."""
        done = self._run([str(self.path / "bin/python"), *words])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not _is_configuration(name)}
        cache = str(self.workplace / "cache")
        environment = kept | {"OMP_NUM_THREADS": "1", "GANZOO_CACHE": cache} | more
        return subprocess.run(
            command,
            cwd=self.workplace,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


def _is_configuration(name: str) -> bool:
    return name.startswith(("PIP_", "PYTHON", "GANZOO_", "VIRTUAL_ENV"))


def build_ours(folder: Path) -> list[Path]:
    """Build the wheels of the core and of the zoo from this checkout; return their paths."""
    for project in (PROJECT, PROJECT / "plugins" / "zoo"):
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
        done = subprocess.run([*build, project], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.glob("*.whl"))


def _link_dependencies(name: str, folder: Path) -> None:
    """Link the dependencies of a distribution, and theirs, into a folder."""
    folder.mkdir()
    for needed in sorted(_needed(name, set())):
        dist = distribution(needed)
        tops = {path.parts[0] for path in dist.files or () if path.parts[0] not in ("..", "/")}
        for top in tops - {"__pycache__"}:
            source = Path(str(dist.locate_file(top)))
            if source.suffix != ".pth" and not (folder / top).exists():
                (folder / top).symlink_to(source)


def _needed(name: str, seen: set[str]) -> Iterator[str]:
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in seen and requirement.name not in OURS:
            seen.add(requirement.name)
            yield requirement.name
            yield from _needed(requirement.name, seen)
