"""docs/reliability.md agrees with the script that writes it, and names existing tests."""

from .table import PAGE, ROOT, ROWS


def test_every_guarantee_names_existing_tests() -> None:
    for row in ROWS:
        for test in row.tests:
            file, _, function = test.partition("::")
            assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_lists_every_guarantee_with_a_result() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in ROWS:
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {row.fault} | "))
        assert row.promise in line
        assert " passed, 20" in line
