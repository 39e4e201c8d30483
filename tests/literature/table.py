"""Write the table of methods into docs/game.md, from their code.

python -m tests.literature.table
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from ganzoo.api import HOOKS

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "game.md"
START, END = "<!-- methods -->\n", "<!-- end of methods -->\n"

METHODS = {
    "prepare", "after_step", "observe", "prepare_sampling", "draw", "log_prob", "complete",
    "styles", "from_styles", "sample",
}  # fmt: skip
"""Methods that the engine, or another component, calls if they are there."""
ATTRIBUTES = {"capabilities", "requires", "batch_multiple", "copied", "averaged"}
OUTPUTS = {"features", "class_logits", "extra"}
"""Parts of D's output beside the logits."""


def offered(tree: ast.AST) -> Iterator[str]:
    """Yield the members of the contract that a file defines."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="forward"):
                yield from (f"forward(…, *, {each.arg})" for each in node.args.kwonlyargs)
            case ast.FunctionDef(name=name) if name in METHODS:
                yield name
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]):
                if name in ATTRIBUTES:
                    yield f"{name}: {_words(node.value)}".removesuffix(": ")


def _words(value: ast.expr) -> str:
    """Return the literal words or the number of a class attribute."""
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        return "; ".join(f"{_words(key)} {_words(each)}" for key, each in pairs if key)
    constants = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
    return ", ".join(sorted(map(str, constants)))


def used(tree: ast.AST) -> Iterator[str]:
    """Yield the members of the game, of `Noise` and of `statistics` that a file uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="game"))) if (
                node.attr in OUTPUTS
            ):
                yield f"{node.value.attr}.{node.attr}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="game"), attr="replace")):
                fields = [f"{each.arg}=…" if each.arg else "…" for each in node.keywords]
                yield f"replace({', '.join(fields)})"
            case ast.Attribute(value=ast.Name(id="game"), attr=name) if name != "replace":
                yield name
            case ast.Attribute(value=ast.Name(id="noise"), attr=name):
                yield f"noise.{name}"
            case ast.Subscript(value=ast.Name(id="statistics"), slice=ast.Constant(value=name)):
                yield f"statistics[{name}]"


def row(file: Path) -> str:
    """Return a method's row of the table."""
    tree = ast.parse(file.read_text())
    about = ast.get_docstring(tree) or ""
    papers = dict.fromkeys(re.findall(r"arXiv:\d{4}\.\d{5}", about))
    hooks = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    kinds = [kind for kind, hook in HOOKS.items() if hook in hooks]
    recipe = yaml.safe_load(file.with_suffix(".yaml").read_text())
    schedules = {f"schedules: {path}" for path in recipe.get("schedules", {})}
    cells = [
        f"[{about.partition(':')[0]}](../tests/literature/methods/{file.name})",
        ", ".join(papers),
        ", ".join(kinds),
        ", ".join(f"`{each}`" for each in sorted({*offered(tree)} | schedules)),
        ", ".join(f"`{each}`" for each in sorted({*used(tree)})),
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Return the table of all methods."""
    rows = [row(file) for file in sorted((HERE / "methods").glob("*.py"))]
    head = ["| method | paper | kinds | defines | uses of the game |", "|---|---|---|---|---|"]
    return "\n".join([*head, *sorted(rows, key=str.lower)]) + "\n"


def page(text: str) -> str:
    """Return the page with the present table between its two marks."""
    before, _, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
