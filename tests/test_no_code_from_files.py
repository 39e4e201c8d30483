"""No file from a stranger reaches code: pickle, eval, exec and open-ended loads are not used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for top in ("ganzoo", "plugins") for path in sorted((ROOT / top).rglob("*.py"))]

UNSAFE_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
}
UNSAFE_BUILTINS = {"eval", "exec", "compile", "__import__"}
ALLOWED = {
    # Whether a data set can go to a worker process; the bytes are its own.
    ("ganzoo/testing/datasets.py", "import of pickle"),
    # A network that a recipe names by path and sha256, to be run: that is what it is for.
    ("plugins/zoo/ganzoo_zoo/extractors/programs.py", "call of torch.export.load"),
    ("plugins/zoo/ganzoo_zoo/extractors/programs.py", "call of torch.jit.load"),
}


def findings(tree: ast.AST) -> Iterator[str]:
    """Yield what a module does that could run code out of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from (f"import of {name}" for name in names if name.split(".")[0] in UNSAFE_MODULES)
        if isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    if called in UNSAFE_BUILTINS:
        yield f"call of {called}"
    if called == "torch.load" and not _is(options.get("weights_only"), True):
        yield "torch.load without weights_only=True"
    if called in ("np.load", "numpy.load") and not _is(options.get("allow_pickle"), False):
        yield "np.load without allow_pickle=False"
    if called in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"):
        yield f"call of {called}"
    if called.endswith(("torch.jit.load", "export.load")):
        yield f"call of {called}"


def _is(value: ast.expr | None, literal: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is literal


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_can_run_code_out_of_a_file(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    found = {(name, what) for what in findings(ast.parse(path.read_text(encoding="utf-8")))}
    assert found <= ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=safe)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader)",
    ],
)
def test_the_rule_finds_what_it_forbids(code: str) -> None:
    assert list(findings(ast.parse(code)))
