"""``ganzoo schema``: where the schema is written, and what is printed."""

import json
from pathlib import Path

import pytest

from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]


def test_the_schema_alone_goes_to_standard_output(capsys: Capture) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "dcgan" in schema["$defs"]["generator"]["anyOf"][0]["enum"]


def test_a_written_schema_says_how_an_editor_finds_it(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "recipe.schema.json"
    assert main(["schema", "--out", str(file)]) == 0
    assert capsys.readouterr().out == f"# yaml-language-server: $schema={file}\n"
    assert json.loads(file.read_text())["title"] == "ganzoo recipe"


def test_a_path_that_cannot_be_written_is_a_usage_error(tmp_path: Path, capsys: Capture) -> None:
    assert main(["schema", "--out", str(tmp_path / "nowhere" / "x.json")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith("x.json cannot be written: No such file or directory")
    assert said[1] == "try: ganzoo schema --out recipe.schema.json"
