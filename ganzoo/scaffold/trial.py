"""Try a new plugin as its author would: install it, test it, list it, train with it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from shutil import which

from ganzoo.api import HOOKS
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.discovery import discover
from ganzoo.registry.names import DEFAULT_NAMESPACE, PLURALS
from ganzoo.registry.unknown import INSTALL_ZOO
from ganzoo.scaffold.plugin import Names

STEPS = 20
"""Number of training steps of its recipe."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One command that must succeed for a new plugin."""

    what: str
    """How errors name the step, such as "the installation"."""
    command: tuple[str, ...]
    shows: tuple[str, ...] = ()
    """Text that the output must contain; a listing that finds nothing is a failure."""
    hint: str | None = None
    """What to do if it fails; None means repeat the command."""

    @property
    def line(self) -> str:
        """The command as typed in a shell."""
        return shlex.join([_typed(self.command[0]), *self.command[1:]])

    def take(self, say: Say) -> None:
        """Run the command and pass on its output, line by line.

        Raises:
            PluginError: it failed, or `shows` is missing in its output.
        """
        say(f"$ {self.line}")
        with subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        ) as process:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                say(f"  {line.rstrip()}")
        if process.returncode:
            why = f"failed with exit code {process.returncode}"
        elif missing := [word for word in self.shows if word not in printed]:
            why = f"did not show {', '.join(missing)}"
        else:
            return
        raise PluginError(f"{self.what} {why}", hint=self.hint or self.line)


def require_free(names: Names) -> None:
    """Raise UsageError if an installed plugin has the namespace."""
    for namespace in discover():
        if namespace.name == names.namespace:
            raise UsageError(
                f"the namespace {names.namespace!r} is taken by {namespace}, which is installed",
                hint=f"pip uninstall {namespace.distribution}, or choose another",
            )


def require_zoo() -> None:
    """Raise UsageError if the zoo is missing, which the plugin's recipe needs."""
    zoos = [each for each in discover() if each.name == DEFAULT_NAMESPACE]
    if any(each.status == "ok" for each in zoos):
        return
    why, hint = "not installed", INSTALL_ZOO
    if zoos:
        why, hint = f"{zoos[0].predicate}: {zoos[0].error}", str(zoos[0].hint)
    raise UsageError(
        f"trying a new plugin needs the zoo, which is {why}", hint=f"{hint}, or add --no-try"
    )


def trial(names: Names, kinds: Collection[str], directory: Path) -> Iterator[Step]:
    """Yield the steps for a plugin in `directory`, for the environment of this Python."""
    python, place = sys.executable, str(directory)
    script = Path(python).with_name("ganzoo")
    ganzoo = (str(script),) if script.exists() else (python, "-m", "ganzoo")
    no_pip = None if _on_path("pip") else f"{_typed(python)} -m ensurepip"
    yield Step("the installation", _install(python, place), hint=no_pip)
    yield Step(
        "the plugin's own test",
        (python, "-m", "pytest", "--quiet", place),
        hint=None if _on_path("pytest") else f"{_typed(python)} -m pip install pytest",
    )
    for kind in HOOKS:
        if kind in kinds:
            pattern = f"{names.namespace}/*"
            listing = (*ganzoo, "list", PLURALS[kind], pattern)
            yield Step(f"the list of {PLURALS[kind]}", listing, shows=(f"{names.namespace}/",))
    few = (f"train.steps={STEPS}", "eval.samples=64", "--runs-dir", str(directory / "runs"))
    recipe = f"{names.namespace}/demo"
    yield Step("the recipe", (*ganzoo, "run", recipe, *few))


def _install(python: str, place: str) -> tuple[str, ...]:
    """Return pip's command; if the build tools are installed, it needs no network."""
    ready = _on_path("hatchling") and _on_path("editables")
    offline = ("--no-build-isolation",) if ready else ()
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps")
    return (*pip, *offline, "--editable", place)


def _on_path(module: str) -> bool:
    """Whether a module can be imported from the path.

    `importlib.util.find_spec` would not do: when asked for pip, the finder of setuptools replaces
    ``distutils`` in this process and warns.
    """
    return PathFinder.find_spec(module) is not None


def _typed(program: str) -> str:
    """Return a program as typed in this shell: its bare name if that finds the same program."""
    directory = Path(program).parent
    for shorter in ("python", Path(program).name):
        found = which(shorter)
        if found and Path(found).parent == directory and os.path.samefile(found, program):
            return shorter
    return program
