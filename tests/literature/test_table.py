"""The table of methods in docs/game.md is the one that the methods' code gives."""

import ast

from .table import END, PAGE, START, offered, page, used


def test_the_page_has_the_present_table() -> None:
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
