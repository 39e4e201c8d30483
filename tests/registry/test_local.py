"""One file as a plugin."""

import hashlib
import importlib.util
from pathlib import Path

import pytest

from ganzoo.errors import PluginError, UsageError
from ganzoo.registry import Registry
from tests.registry.plugins import LOCAL


def test_one_file_is_the_namespace_local_and_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    registry = Registry.with_local(file)
    flat = registry.get("loss", "local/flat")
    assert registry.resolve(flat).__name__ == "Flat"
    assert registry.local_file == file
    assert registry.local_source == LOCAL.encode()
    assert registry.local_sha256 == hashlib.sha256(LOCAL.encode()).hexdigest()
    assert registry.namespaces()[0].origin == "local"
    assert not (tmp_path / "__pycache__").exists()


def test_a_local_file_without_its_target_is_named_in_the_error(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(LOCAL.replace(":Flat", ":Falt"))
    registry = Registry.with_local(tmp_path / "mine.py")
    with pytest.raises(PluginError) as caught:
        registry.resolve(registry.get("loss", "local/flat"))
    assert caught.value.message == (
        "loss 'local/flat' (mine.py): the file has no 'Falt' - did you mean 'Flat'?"
    )


@pytest.mark.parametrize("name", ["plugin.py", "json.py", "my-loss.py"])
def test_a_copy_of_the_file_works_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LOCAL)
    registry = Registry.with_local(tmp_path / name)
    assert registry.resolve(registry.get("loss", "local/flat")).__name__ == "Flat"


def test_two_files_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    flats = []
    for folder, text in (("a", LOCAL), ("b", LOCAL + "NUMBER = 2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "plugin.py").write_text(text)
        registry = Registry.with_local(tmp_path / folder / "plugin.py")
        flats.append(registry.resolve(registry.get("loss", "local/flat")))
    assert flats[0] is not flats[1]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    Registry.with_local(file)
    file.write_text(LOCAL.replace("flat", "deep"))
    assert Registry.with_local(file).get("loss", "local/deep").name == "deep"


def test_the_source_of_a_local_class_can_be_found(tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text(LOCAL)
    registry = Registry.with_local(file)
    target = registry.get("loss", "local/flat").target
    spec = importlib.util.find_spec(target.partition(":")[0])
    assert spec is not None
    assert spec.origin == str(file)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\nimport no_such_module_at_all", r"ModuleNotFoundError: .*\(mine\.py, line 2\)"),
        ("def broken(:", r"SyntaxError: .*\(mine\.py, line 1\)"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(mine\.py, line 1\)"),
        ("class Flat: ...", "it has no hook: no function register_… marked with @hookimpl"),
        (LOCAL.replace("losses", "lozzes"), "no hook 'register_lozzes' - did you mean"),
        (LOCAL.replace("losses", "recipes").replace(":Flat", ":f.yaml"), ".* has no recipes"),
    ],
)
def test_a_local_file_that_cannot_be_loaded_is_an_error_at_once(
    text: str, error: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(PluginError, match=rf"the plugin .*/mine\.py is broken: {error}") as caught:
        Registry.with_local(file)
    assert caught.value.hint == f"GANZOO_STRICT=1 ganzoo plugins --plugin {file}"


def test_a_local_file_that_imports_a_neighbour_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text("import helpers_of_mine")
    (tmp_path / "helpers_of_mine.py").write_text("")
    with pytest.raises(PluginError, match=r"it imports helpers_of_mine\.py, but .* is one file"):
        Registry.with_local(tmp_path / "mine.py")


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the plugin .*gone\.py: No such file"):
        Registry.with_local(tmp_path / "gone.py")
