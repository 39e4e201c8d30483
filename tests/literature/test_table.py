"""The code of the methods: its form, and the table in docs/game.md that is made from it."""

import ast
import sys

import pytest

from .runs import METHODS
from .table import END, PAGE, START, offered, page, used


def test_the_page_has_the_current_table() -> None:
    text = PAGE.read_text()
    assert text.count(START) == text.count(END) == 1
    assert page(text) == text, "docs/game.md is out of date. try: make methods"


CODE = """
class R:
    capabilities = frozenset({"styles"})
    requires = {"discriminator": {"features"}}
    def after_step(self, game):
        return game.replace(fake=game.real_output.extra["a"], **fields)
    def observe(self, statistics):
        return statistics["samples"]
    def forward(self, z, y=None, *, noise, truncation: float = 1.0):
        return noise.normal("a")
"""


def test_the_table_lists_what_a_method_defines_and_uses() -> None:
    assert {*offered(ast.parse(CODE))} == {
        "after_step", "capabilities: styles", "forward(…, *, noise)", "forward(…, *, truncation)",
        "observe", "requires: discriminator features",
    }  # fmt: skip
    assert {*used(ast.parse(CODE))} == {
        "noise.normal", "real_output", "real_output.extra", "replace(fake=…, …)",
        "statistics[samples]",
    }  # fmt: skip


PUBLIC = {"ganzoo.api", "ganzoo.nn"}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_short_and_imports_only_public_modules(name: str) -> None:
    code = METHODS[name].read_text()
    assert len(code.splitlines()) < 100
    for node in ast.walk(ast.parse(code)):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            package = module.partition(".")[0]
            assert module in PUBLIC or package in sys.stdlib_module_names | {"torch"}, module


@pytest.mark.parametrize("name", METHODS)
def test_a_method_names_its_paper_and_what_it_shows(name: str) -> None:
    about = ast.get_docstring(ast.parse(METHODS[name].read_text())) or ""
    assert "arXiv:" in about
    assert "Shows: " in about
