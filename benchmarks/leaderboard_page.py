"""Build the page of the shipped records, and the README's screenshot of it.

    python benchmarks/leaderboard_page.py

Writes docs/leaderboard.html and, with Chromium on the path, docs/images/leaderboard.png.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from leaderboard_records import RECORDS

from ganzoo.report.compare import compare_by_dataset
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.report.pages.page import write_page

DOCS = Path(__file__).parents[1] / "docs"
WIDTH, HEIGHT = 1280, 1500
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
)


def photograph(page: Path, picture: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write a screenshot of the top of a page, with headless Chromium.

    Raises:
        SystemExit: Chromium is not installed.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("chromium is not installed: the page is written, its picture is not")
    with tempfile.TemporaryDirectory() as profile:
        options = [f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        command = [browser, *FLAGS, *options, f"--screenshot={picture}", page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def main() -> None:
    records = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    docs = Path(sys.argv[2]) if len(sys.argv) > 2 else DOCS
    page = docs / "leaderboard.html"
    write_page(page, comparison_page(*compare_by_dataset(None, records)))
    print(f"{page}, {page.stat().st_size / 2**20:.2f} MiB")
    photograph(page, docs / "images" / "leaderboard.png")
    print(docs / "images" / "leaderboard.png")


if __name__ == "__main__":
    main()
