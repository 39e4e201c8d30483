"""What the scaffold writes for which kinds."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from ganzoo.api import ENTRY_POINT_GROUP, HOOKS
from ganzoo.errors import UsageError
from ganzoo.registry import Registry
from ganzoo.scaffold.plugin import TEMPLATES, names_of, plugin_files, write_plugin

ACME = names_of("acme")
COMPONENTS = [kind for kind in HOOKS if kind != "recipe"]


def functions(source: str) -> list[str]:
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("kind", HOOKS)
def test_a_kind_alone_brings_its_hook_its_file_and_the_recipe_and_nothing_else(kind: str) -> None:
    files = plugin_files(ACME, [kind])
    hooks = functions(files["ganzoo_acme/__init__.py"])
    assert hooks == list(dict.fromkeys([HOOKS[kind], "register_recipes"]))
    modules = {path for path in files if re.fullmatch(r"ganzoo_acme/[a-z]+\.py", path)}
    assert modules == ({f"ganzoo_acme/{kind}.py"} if kind != "recipe" else set())


def test_several_kinds_have_a_package_and_a_table_each_which_the_plugin_only_imports() -> None:
    files = plugin_files(ACME, ["loss", "modality"])
    modules = {path for path in files if path.startswith("ganzoo_acme/") and path.endswith(".py")}
    assert modules == {
        "ganzoo_acme/__init__.py",
        "ganzoo_acme/losses/__init__.py",
        "ganzoo_acme/losses/least_squares.py",
        "ganzoo_acme/modalities/__init__.py",
        "ganzoo_acme/modalities/points.py",
    }
    assert functions(files["ganzoo_acme/__init__.py"]) == ["register_recipes"]
    imported = re.findall(r"^from \.(\w+) import", files["ganzoo_acme/__init__.py"], re.MULTILINE)
    assert imported == ["losses", "modalities"]
    assert functions(files["ganzoo_acme/losses/__init__.py"]) == ["register_losses"]


def test_several_kinds_are_registered_with_targets_that_are_there(install_scaffold) -> None:
    install_scaffold(*HOOKS)
    registry = Registry()
    for kind in HOOKS:
        (registration,) = registry.list(kind, "acme/*")
        assert registration.summary
        assert registration.license == "Apache-2.0"
        registry.resolve(registration)


@pytest.mark.parametrize("kind", HOOKS)
def test_a_kind_alone_is_registered_with_a_target_that_is_there(
    kind: str, install_scaffold
) -> None:
    install_scaffold(kind)
    registry = Registry()
    for each in {kind, "recipe"}:
        (registration,) = registry.list(each, "acme/*")
        assert registration.summary
        assert registration.revision == 1
        registry.resolve(registration)
    others = [each for each in HOOKS if each not in (kind, "recipe")]
    assert not any(registry.list(each, "acme/*") for each in others)


@pytest.mark.parametrize("kind", COMPONENTS)
def test_the_recipe_uses_the_component_of_a_kind_alone(kind: str, install_scaffold) -> None:
    install_scaffold(kind)
    (component,) = Registry().list(kind, "acme/*")
    recipe = plugin_files(ACME, [kind])["ganzoo_acme/recipes/demo.yaml"]
    assert re.search(rf"\b{component.id}\b", recipe)
    assert recipe.count("acme/") == 1
    assert yaml.safe_load(recipe)["extends"] == "digits-base"
    assert yaml.safe_load(recipe)["requires"] == ["ganzoo-zoo"]


def test_no_tag_is_left_in_any_file() -> None:
    for kinds in (["dataset"], ["dataset", "extractor"], list(HOOKS)):
        assert not any("#:" in text for text in plugin_files(ACME, kinds).values())


def test_gratings_are_judged_by_pixels_only_where_no_extractor_comes_with_them() -> None:
    def judge(*kinds: str) -> object:
        recipe = plugin_files(ACME, kinds)["ganzoo_acme/recipes/demo.yaml"]
        return yaml.safe_load(recipe)["eval"].get("extractor")

    assert judge("dataset") == "pixels"
    assert judge("dataset", "extractor") == "acme/spectrum"
    assert judge("extractor") == "acme/spectrum"
    assert judge("generator") is None


def test_all_kinds_together_give_the_templates_unchanged() -> None:
    files = plugin_files(ACME, list(HOOKS))
    written = {path.replace(".gitignore", "gitignore") for path in files}
    lying = {str(each.relative_to(TEMPLATES)) for each in TEMPLATES.rglob("*") if each.is_file()}
    assert written == {path for path in lying if "__pycache__" not in path}
    for path, text in files.items():
        if path.endswith((".py", ".toml", ".md")):
            assert text == (TEMPLATES / path).read_text()


@pytest.mark.parametrize("namespace", ["my-lab", "acme2", "ganzoo-acme"])
def test_the_namespace_takes_the_place_of_acme_everywhere(namespace: str) -> None:
    names = names_of(namespace)
    files = plugin_files(names, list(HOOKS))
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == names.distribution
    points = project["project"]["entry-points"][ENTRY_POINT_GROUP]
    assert points == {namespace: names.package}
    assert f"{names.package}/generators/upsampling.py" in files
    everything = "\n".join([*files, *files.values()])
    without = everything.replace(names.package, "").replace(namespace, "")
    assert "acme" not in without


def test_a_plugin_is_written_into_a_directory_that_is_empty_or_missing(tmp_path: Path) -> None:
    write_plugin({"a/b.txt": "é\n"}, tmp_path / "new" / "place")
    assert (tmp_path / "new" / "place" / "a" / "b.txt").read_bytes() == "é\n".encode()
    (tmp_path / "empty").mkdir()
    write_plugin({"b.txt": ""}, tmp_path / "empty")


def test_a_directory_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    with pytest.raises(UsageError, match="not an empty directory") as raised:
        write_plugin({"a.txt": ""}, tmp_path)
    assert raised.value.hint == "choose another place with --out DIR"
    assert [each.name for each in tmp_path.iterdir()] == [".hidden"]


def test_a_place_that_cannot_be_written_to_gives_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"below cannot be written: Not a directory"):
        write_plugin({"a.txt": ""}, tmp_path / "file" / "below")
