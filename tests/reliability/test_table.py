"""docs/reliability.md matches the rows of its script, whose tests exist."""

from .table import PAGE, ROOT, ROWS


def test_every_guarantee_names_existing_tests() -> None:
    for row in ROWS:
        for test in row.tests:
            file, _, function = test.partition("::")
            assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_has_every_guarantee_with_a_result() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in ROWS:
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {row.fault} | "))
        assert row.guarantee in line
        assert " passed, 20" in line or line.endswith("| not run yet |")
