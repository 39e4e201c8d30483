"""The shape of the code: how long its files and functions are, and how far it is to a step.

    python benchmarks/house.py

Measures the installed core. To compare two versions, run it in a checkout of each. Paths count
from `ganzoo.cli.main` to the first step of an optimizer, in a run of one step on digits.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

import ganzoo

ROOT = Path(ganzoo.__file__).parent
SHORT = 60
"""Files below this many lines count as short."""

FIRST_STEP = """
import json, os, sys, traceback
from ganzoo.cli import main

def report(optimizer, args, kwargs):
    root = os.path.dirname(sys.modules["ganzoo"].__file__)
    stack = [f.filename for f in traceback.extract_stack() if f.filename.startswith(root)]
    loaded = [name for name in sys.modules if name.split(".")[0] == "ganzoo"]
    print(json.dumps({"stack": [os.path.relpath(f, root) for f in stack], "loaded": len(loaded)}))
    sys.stdout.flush()
    os._exit(0)

from torch.optim.optimizer import register_optimizer_step_pre_hook

register_optimizer_step_pre_hook(report)
main(["run", "digits-mlp-hinge", "train.steps=1", "train.ema=null", "--runs-dir", sys.argv[1]])
"""


def main() -> None:
    files = {p: p.read_text() for p in ROOT.rglob("*.py") if "templates" not in p.parts}
    lines = [len(text.splitlines()) for text in files.values()]
    functions = sorted(length for text in files.values() for length in function_lengths(text))
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-c", FIRST_STEP, runs]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"stack": [], "loaded": 0}
    chain = longest_chain()
    rows = {
        "lines": f"{sum(lines):,}",
        "files": f"{len(files)}",
        "lines of the median file": f"{statistics.median(lines):.0f}",
        f"files under {SHORT} lines": f"{sum(each < SHORT for each in lines)}",
        "lines of a function, median / p90 / max": (
            f"{statistics.median(functions):.0f} / "
            f"{functions[int(0.9 * len(functions))]} / {functions[-1]}"
        ),
        "longest import chain": f"{len(chain)}",
        "frames from main to the first optimizer.step()": f"{len(found['stack'])}",
        "files from main to the first optimizer.step()": f"{len(set(found['stack']))}",
        "modules of ganzoo imported before it": f"{found['loaded']}",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"| {name:<{width}} | {value:>12} |")
    print(f"\nlongest chain: {' > '.join(chain)}\npath: {' > '.join(found['stack'])}")


def function_lengths(text: str) -> Iterator[int]:
    """Yield the number of lines of each function and method, without its decorators."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def longest_chain() -> list[str]:
    """Return the longest chain of modules that import each other, imports in functions included."""
    graph = grimp.build_graph("ganzoo", exclude_type_checking_imports=True, cache_dir=None)

    @cache
    def below(module: str) -> list[str]:
        chains = (below(each) for each in graph.find_modules_directly_imported_by(module))
        return [module, *max(chains, key=len, default=[])]

    return max(map(below, sorted(graph.modules)), key=len)


if __name__ == "__main__":
    main()
