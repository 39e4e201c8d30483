"""Imports: no torch below the engine, no plugin before a command needs it, no circles."""

import subprocess
import sys

import grimp
import pytest

PLUGINS = (
    "ganzoo_zoo",
    "ganzoo_emoji",
    "ganzoo_table",
    "ganzoo_text",
    "ganzoo_audio",
    "ganzoo_video",
)
TORCH_FREE = ("cli", "report", "recipes", "scaffold", "runs", "registry", "api", "errors")

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(package, "__path__", ()), package.__name__ + "."):
    importlib.import_module(module.name)
plugins = {name for name in sys.modules if name.startswith("ganzoo_")}
heavy = plugins | {"torch", "torchmetrics", "accelerate"} & set(sys.modules)
sys.exit(f"{sys.argv[1]} imports {sorted(heavy)}" if heavy else 0)
"""

CALL = """
import sys
from ganzoo.cli import main
code = main(sys.argv[2:])
heavy = set(sys.argv[1].split(",")) & set(sys.modules)
sys.exit(f"imported {sorted(heavy)}" if heavy else code)
"""

TRAINING = """
import gc, sys
from ganzoo.cli.run import import_training
collections = []
gc.callbacks.append(lambda phase, info: collections.append(phase))
import_training()
assert "torch._dynamo" in sys.modules and "ganzoo.training.launch" in sys.modules
assert gc.isenabled() and gc.get_freeze_count() > 100_000
sys.exit(f"{len(collections) // 2} collections" if collections else 0)
"""


def run(code: str, *arguments: str) -> None:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", TORCH_FREE)
def test_no_module_of_these_packages_imports_torch_or_a_plugin(package: str) -> None:
    run(IMPORT_ALL, f"ganzoo.{package}")


def test_importing_ganzoo_imports_no_torch() -> None:
    run("import sys, ganzoo; sys.exit('torch' in sys.modules)")


@pytest.mark.parametrize("words", ["", "--help", "--version", "run --help", "ls"])
def test_help_and_the_list_of_runs_load_no_torch_and_no_plugin(words: str) -> None:
    run(CALL, f"torch,{','.join(PLUGINS)}", *words.split())


@pytest.mark.parametrize("words", ["list generators", "plugins", "recipes", "fetch --list"])
def test_listings_of_plugins_load_no_torch(words: str) -> None:
    run(CALL, "torch", *words.split())


@pytest.mark.parametrize(
    ("words", "slow_to_import"),
    [("--help", "ganzoo.registry,ganzoo.recipes,pydantic"), ("list generators", "pydantic,yaml")],
)
def test_the_commands_that_are_typed_most_import_nothing_that_they_do_not_use(
    words: str, slow_to_import: str
) -> None:
    run(CALL, slow_to_import, *words.split())


def test_training_is_imported_without_garbage_collection() -> None:
    run(TRAINING)


def test_no_modules_import_each_other_in_a_circle_not_even_for_type_checking() -> None:
    graph = grimp.build_graph("ganzoo", *PLUGINS, cache_dir=None)
    circles = {
        tuple(sorted({module, *chain}))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if (chain := graph.find_shortest_chain(importer=imported, imported=module))
    }
    assert circles == set()
