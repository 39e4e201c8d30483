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

OFFERED = {
    "prepare", "after_step", "observe", "prepare_sampling", "draw", "log_prob", "complete",
    "styles", "from_styles", "sample",
}  # fmt: skip
"""Methods that the engine, or another component, calls if they are there."""
ATTRIBUTES = ("capabilities", "requires", "batch_multiple", "copied", "averaged")


def members(tree: ast.AST) -> Iterator[str]:
    """Yield the members of the contract that a file uses or offers, in order of appearance."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="game" | "noise" as owner), attr=name):
                yield f"{owner}.{name}"
            case ast.Subscript(value=ast.Name(id="statistics"), slice=ast.Constant(value=name)):
                yield f"statistics[{name}]"
            case ast.FunctionDef(name="forward"):
                keywords = [each.arg for each in node.args.kwonlyargs]
                yield from (f"forward(…, *, {name})" for name in keywords)
            case ast.FunctionDef(name=name) if name in OFFERED:
                yield name
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]):
                if name in ATTRIBUTES:
                    yield f"{name}{_words(node.value)}"


def _words(value: ast.expr) -> str:
    """Return the literal words or the number of a class attribute, such as ``: styles``."""
    constants = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
    return ": " + ", ".join(map(str, constants)) if constants else ""


def row(file: Path) -> str:
    """Return a method's row of the table."""
    tree = ast.parse(file.read_text())
    about = ast.get_docstring(tree) or ""
    title = about.partition(":")[0]
    papers = dict.fromkeys(re.findall(r"arXiv:\d{4}\.\d{5}", about))
    hooks = re.findall(r"^def (register_\w+)\(", file.read_text(), re.MULTILINE)
    kinds = [next(kind for kind in HOOKS if HOOKS[kind] == hook) for hook in hooks]
    recipe = yaml.safe_load(file.with_suffix(".yaml").read_text())
    used = [*members(tree), *(f"schedules: {path}" for path in recipe.get("schedules", {}))]
    link = f"[{title}](../tests/literature/methods/{file.name})"
    shown = ", ".join(f"`{each}`" for each in sorted(dict.fromkeys(used), key=_order))
    return f"| {link} | {', '.join(papers)} | {', '.join(kinds)} | {shown} |"


def _order(member: str) -> tuple[int, str]:
    """Sort what a method offers before what it uses."""
    return ("." in member or "[" in member, member)


def table() -> str:
    """Return the table of all methods."""
    rows = [row(file) for file in sorted((HERE / "methods").glob("*.py"))]
    head = ["| method | paper | kind | members that it offers and uses |", "|---|---|---|---|"]
    return "\n".join([*head, *sorted(rows, key=str.lower)]) + "\n"


def page(text: str) -> str:
    """Return the page with the present table between its two marks."""
    before, _, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
