"""What is known of a kind of data stands in its own file, and nowhere else."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo.api import MODALITIES
from ganzoo.cli.sample import sample
from ganzoo.modalities import modality

ROOT = Path(__file__).parents[2]
OWN = ROOT / "ganzoo" / "modalities"
CODE = [
    path
    for folder in ("ganzoo", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if OWN not in path.parents and "tests" not in path.relative_to(ROOT).parts
]
_WORD = rf"""["']({"|".join(MODALITIES)})["']"""
COMPARED = re.compile(rf"(==|!=|\b(not )?in) *[(\[{{]? *{_WORD}|{_WORD} *(==|!=|in\b)")
OF_PLUGINS = (
    "plugins/zoo/ganzoo_zoo/datasets/",
    "plugins/emoji/",
    "plugins/audio/ganzoo_audio/datasets/",
    "plugins/audio/ganzoo_audio/reading.py",
)
"""Data sets of pictures and of sounds: they read and name the formats of such files."""


PACKAGES = ("plugins/zoo/ganzoo_zoo/metrics/torchmetrics_adapter.py",)
"""There ``image`` is a package of torchmetrics."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_help_of_sample_names_every_format_of_ganzoos_own_modalities() -> None:
    text = CliRunner().invoke(sample, ["--help"]).output
    for name in MODALITIES:
        for spec in modality(name).specs():
            missing = {suffix for suffix in spec.kind.formats(spec) if suffix not in text}
            assert missing <= {".png"}  # "as picture" there


def test_there_is_code_to_search() -> None:
    assert len(CODE) > 100
    assert COMPARED.search('if spec.modality == "image":')
    assert COMPARED.search("modality in ('image', 'video')")
    assert COMPARED.search('"audio" in modalities')


def test_no_file_but_its_own_compares_a_modality_with_a_word() -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if COMPARED.search(line) and relative(path) not in PACKAGES
    ]
    assert found == []


@pytest.mark.parametrize("word", [".png", ".wav", ".webp", ".gif", "PNG"])
def test_no_file_outside_of_the_modalities_assumes_a_format_of_samples(word: str) -> None:
    may = {
        "ganzoo/runs/html.py",  # the media types that a page can embed
        "ganzoo/cli/sample.py",  # --help lists the formats
        "ganzoo/scaffold/own_data.py",  # which plugin reads which files of people's own
        "ganzoo/testing/modalities.py",  # checks that previews are what their suffix says
        "ganzoo/scaffold/templates/ganzoo_acme/modalities/points.py",  # a modality itself
        "plugins/table/ganzoo_table/series/modality.py",  # another one
    }
    found = {
        relative(path)
        for path in CODE
        if word in path.read_text(encoding="utf-8") and not relative(path).startswith(OF_PLUGINS)
    }
    assert found - may == set()
