"""docs/plugins.md names all that an author can use, and its code is a plugin that conforms."""

import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from ganzoo.api import CAPABILITIES, HOOKS, MODALITIES, Register
from ganzoo.cli import main
from ganzoo.registry import Registry

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
PARTS = ("**Given**", "**Offers**", "**Capabilities**", "**Conformance**")
CODE = re.compile(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", re.DOTALL)


ONE_FILE = {path: code for path, code in CODE.findall(PAGE) if "/" not in path}
"""The plugins in one file, and their recipes, of *Beyond the basics*."""


def section(title: str) -> str:
    """Return what stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/plugins.md has no section {title!r}"
    return found[1]


def rows(title: str) -> list[str]:
    """Return the words in the first column of a section's tables."""
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


@pytest.mark.parametrize(("kind", "hook"), HOOKS.items())
def test_a_hook_has_a_section_with_its_contract_and_an_example(kind: str, hook: str) -> None:
    text = section(hook) if kind != "generator" else section(hook) + section("Registering")
    assert [part for part in PARTS if part not in text] == []
    files = {path for path, _ in CODE.findall(text)}
    assert "ganzoo_acme/__init__.py" in files
    assert files - {"ganzoo_acme/__init__.py"}
    assert f"def {hook}(register):" in text


@pytest.mark.parametrize(("kind", "hook"), HOOKS.items())
def test_every_check_of_a_kind_is_named_in_its_section_or_under_testing(
    kind: str, hook: str
) -> None:
    from ganzoo.testing.suite import CHECKS

    named = set(re.findall(r"`([a-z0-9-]+)`", section(hook) + section("Testing")))
    assert {check.name for check in CHECKS[kind]} <= named


def test_the_table_of_contents_has_every_section() -> None:
    contents = PAGE.split("\n## ")[0]
    linked = re.findall(r"\(#([\w-]+)\)", contents)
    titles = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    anchors = [title.lower().replace(" ", "-") for title in titles]
    assert set(linked) <= set(anchors)
    sections = [title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", PAGE, re.M)]
    assert set(sections) <= set(linked)


def test_every_argument_of_register_has_a_row() -> None:
    arguments = [name for name in inspect.signature(Register.__call__).parameters if name != "self"]
    assert rows("Registering") == arguments


def test_the_default_of_every_argument_of_register_is_the_one_in_the_code() -> None:
    words = {inspect.Parameter.empty: "required", "": "empty", (): "none", None: "none", 1: "1"}
    parameters = inspect.signature(Register.__call__).parameters
    defaults = {name: words[each.default] for name, each in parameters.items() if name != "self"}
    said = re.findall(r"^\| `(\w+)` \| (\w+) \|", section("Registering"), re.MULTILINE)
    assert dict(said) == defaults | {"modalities": "all"}


def test_every_capability_word_has_a_row() -> None:
    assert rows("Capabilities") == list(CAPABILITIES)


def test_every_modality_has_a_row() -> None:
    assert sorted(rows("What is being generated")) == sorted(MODALITIES)


def test_every_method_of_a_callback_has_a_row() -> None:
    from ganzoo.training.callbacks import Reporter

    told = [name for name in vars(Reporter) if not name.startswith("_")]
    methods = [row.partition("(")[0] for row in rows("register_callbacks")]
    assert methods == [name for name in told if name not in ("ticked", "noted")]


def test_every_block_of_code_is_a_file_of_a_plugin() -> None:
    assert len(re.findall(r"```(?:python|yaml)\n", PAGE)) == len(CODE.findall(PAGE))
    for path, code in CODE.findall(PAGE):
        if path.endswith(".py"):
            compile(code, path, "exec")


@pytest.fixture
def page_plugins(install_plugin) -> dict[str, Path]:
    """Install the page's code as the plugins that it describes; return where, by namespace."""
    files: dict[str, dict[str, str]] = {"acme": {}, "fastgan": {}}
    for path, code in CODE.findall(PAGE):
        if path in ONE_FILE:
            continue
        namespace = "fastgan" if path.startswith("ganzoo_fastgan/") else "acme"
        files[namespace][path] = files[namespace].get(path, "") + code + "\n\n"
    return {
        namespace: install_plugin(f"ganzoo-{namespace}", held, **{namespace: f"ganzoo_{namespace}"})
        for namespace, held in files.items()
    }


def test_the_pages_plugin_brings_a_component_of_every_kind(page_plugins) -> None:
    registry = Registry()
    assert {kind for kind in HOOKS if registry.list(kind, "acme/*")} == set(HOOKS)


def test_the_pages_specs_are_what_the_page_says(page_plugins) -> None:
    assert import_module("ganzoo_acme.specs").sentence.size == 16 * 27


@pytest.mark.slow
@pytest.mark.parametrize("namespace", ["acme", "fastgan"])
def test_the_pages_plugins_conform(
    namespace: str, page_plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", f"{namespace}/*"]) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["acme/linear", "fastgan/digits"])
def test_the_pages_recipes_train(
    recipe: str, page_plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", recipe, "train.steps=3", "eval.samples=16"]) == 0


# --- beyond the basics ---

BEYOND = section("Beyond the basics")
COMMANDS = [
    block.splitlines()
    for block in re.findall(r"```bash\n(.*?)```", BEYOND, re.DOTALL)
    if block.startswith("ganzoo run")
]


@pytest.fixture
def one_file_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a directory with the files of *Beyond the basics*."""
    for path, code in ONE_FILE.items():
        (tmp_path / path).write_text(code)
    monkeypatch.chdir(tmp_path)


def test_every_file_beyond_the_basics_is_trained_by_a_command_and_linked_in_the_table() -> None:
    words = {word for block in COMMANDS for line in block for word in shlex.split(line)}
    assert set(ONE_FILE) <= words
    linked = re.findall(r"^\| \[.*?\]\(#([\w-]+)\)", BEYOND, re.MULTILINE)
    titles = re.findall(r"^### (.+)$", BEYOND, re.MULTILINE)
    assert set(linked) == {title.lower().replace(" ", "-") for title in titles}


@pytest.mark.slow
@pytest.mark.parametrize("file", [file for file in ONE_FILE if file.endswith(".py")])
def test_a_file_beyond_the_basics_conforms(
    file: str, one_file_plugins: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", "local/*", "--plugin", file]) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("lines", COMMANDS, ids=lambda lines: lines[0].split("--plugin ")[-1])
def test_the_commands_beyond_the_basics_train(lines: list[str], one_file_plugins: None) -> None:
    budget = ["train.steps=2", "train.batch_size=16", "eval.samples=16"]
    for line in lines:
        _, *words = shlex.split(line)
        if words[-1].endswith("…"):  # the run of the line before
            key, _, runs = words[-1].partition("=")
            words[-1] = f"{key}={next(Path().glob(runs.replace('…', '*')))}"
        assert main([*words, *budget]) == 0, line


CONFORMANCE = re.findall(r"```bash\n(ganzoo conformance .*?)\n```", BEYOND)


@pytest.mark.slow
@pytest.mark.parametrize("line", CONFORMANCE, ids=lambda line: line.split("--plugin ")[-1])
def test_the_conformance_commands_beyond_the_basics_pass(
    line: str, one_file_plugins: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().out
    assert "FAILED" not in capsys.readouterr().out
