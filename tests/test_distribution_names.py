"""Nobody is sent to a distribution of another project: on the index, `ganzoo` is not ours."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TEXTS = [
    path
    for pattern in (
        "*.md",
        "Makefile",
        "docs/*.md",
        ".ci/*",
        "benchmarks/*.py",
        "ganzoo/**/*",
        "plugins/**/*",
        "recipes/*.yaml",
        "tests/zoo/*.py",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.suffix in {"", ".md", ".py", ".toml", ".yaml"} and path.is_file()
]
PROJECTS = sorted(ROOT.glob("**/pyproject.toml"))
INSTALL = re.compile(r"\bpip3? install +(?P<words>[^\n`;#]*)")
WITH_VALUE = {"-c", "-r", "--target", "--constraint", "--index", "--find-links"}
EXAMPLES = {"ganzoo-acme", "ganzoo-example"}
"""Distributions that a reader of the documentation builds."""


def declared(project: Path) -> dict:
    return tomllib.loads(project.read_text(encoding="utf-8"))["project"]


def required(project: Path) -> list[Requirement]:
    about = declared(project)
    extras = about.get("optional-dependencies", {}).values()
    lines = [*about["dependencies"], *(line for extra in extras for line in extra)]
    return [Requirement(line) for line in lines]


def pinned() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}


BUILT = {canonicalize_name(declared(project)["name"]) for project in PROJECTS}
OPTIONAL = {canonicalize_name(each.name) for project in PROJECTS for each in required(project)}
TRIED_WITH = {
    "fonttools",
    "particlegan",
    "torch-fidelity",
    "torch-mimicry",
    "torchgan",
    "torchvision",
}
"""Distributions that ganzoo never needs, and is measured against, tried with or made with."""
KNOWN = (BUILT | pinned() | OPTIONAL | EXAMPLES | TRIED_WITH) - {"ganzoo"}


def installed_by(text: str) -> list[str]:
    """Return the names of distributions that the `pip install` commands of a text ask for."""
    names = []
    for match in INSTALL.finditer(text):
        if "{" in match["words"]:  # filled in from a requirement of a recipe, a lock or a plugin
            continue
        try:
            words = shlex.split(match["words"].strip(" '\"\\,)."))
        except ValueError:
            words = match["words"].replace('"', " ").replace("'", " ").split()
        while words:
            word = words.pop(0).strip("\\\"',)")
            if word in WITH_VALUE:
                words = words[1:]
            elif word == "the":  # a sentence: "pip install the distribution that has ..."
                break
            elif re.fullmatch(r"[A-Za-z][\w.-]*(\[[\w, -]+\])?([<>=~!].*)?", word):
                names.append(canonicalize_name(requirement_name(word)))
    return names


def requirement_name(word: str) -> str:
    try:
        return Requirement(word).name
    except InvalidRequirement:
        return word


def test_every_pip_install_names_a_distribution_that_is_built_or_pinned_here() -> None:
    strangers = {
        str(path.relative_to(ROOT)): names
        for path in TEXTS
        if (names := set(installed_by(path.read_text(encoding="utf-8"))) - KNOWN)
    }
    assert strangers == {}


def test_the_distribution_of_the_core_is_ganzoo_core_and_nothing_requires_ganzoo() -> None:
    assert declared(ROOT / "pyproject.toml")["name"] == "ganzoo-core"
    assert "ganzoo" not in BUILT | OPTIONAL
    for project in PROJECTS:
        if project.parent != ROOT:
            assert "ganzoo-core" in {each.name for each in required(project)}, project


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('try: pip install "ganzoo[zoo]"', ["ganzoo"]),
        ("pip install -c constraints.txt -e '.[testing]' -e plugins/zoo", []),
        ("pip install --upgrade ganzoo-core>=1", ["ganzoo-core"]),
        ("pip install dist/ganzoo_acme-0.1.0-py3-none-any.whl", []),
        ("pip install torch==2.13.0 stranger", ["torch", "stranger"]),
        ("then pip install the distribution that has 'acme'", []),
    ],
)
def test_the_reader_of_commands_finds_each_distribution(text: str, names: list[str]) -> None:
    assert installed_by(text) == names
