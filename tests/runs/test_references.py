"""References in messages: commands that a shell splits correctly, and names of existing runs."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from ganzoo.errors import DataError, UsageError
from ganzoo.recipes.schema import Settings
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import check_name, command, reference_to

ODD = ["ü 空 'x\"", "a$(date)`b`", "x;y|z&", "--flag", "two\nlines", "\\", "*?[a]", "~"]


@pytest.mark.parametrize("word", ODD)
def test_a_shell_splits_a_command_into_the_same_words(word: str) -> None:
    line = command("resume", word, runs_directory=Path(word))
    script = f'ganzoo() {{ printf "%s\\0" "$@"; }}; {line}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == ["resume", word, "--runs-dir", word]


def test_the_default_directory_of_runs_is_not_written_out() -> None:
    assert command("ls", runs_directory=Path("runs")) == "ganzoo ls"
    assert command("ls", runs_directory=Path("./runs/")) == "ganzoo ls"
    assert command("ls", runs_directory=Path("/tmp/runs")) == "ganzoo ls --runs-dir /tmp/runs"


def test_a_run_is_named_in_runs_and_found_by_its_path_elsewhere() -> None:
    assert reference_to(Path("runs/a-s0-0b4408")) == "a-s0-0b4408"
    assert reference_to(Path("/data/runs/a-s0-0b4408")) == "/data/runs/a-s0-0b4408"
    assert reference_to(Path("-x/a-s0-0b4408")) == "./-x/a-s0-0b4408"


@pytest.mark.parametrize(
    "name", ["a", "A.b_c-9", "0" * 100, "", "-a", ".a", "_a", "a b", "a/b", "ü", "0" * 101, "a\n"]
)
def test_runs_and_recipes_have_the_same_rule_for_names(name: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, *Settings.model_fields["name"].metadata])
    assert is_refused(check_name, UsageError, name) == is_refused(
        adapter.validate_python, ValidationError, name
    )


def is_refused(check: Callable[[str], object], kind: type[Exception], name: str) -> bool:
    try:
        check(name)
    except kind:
        return True
    return False


def test_an_invalid_name_is_answered_with_the_nearest_valid_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'my-first-run'") as caught:
        check_name("my first run")
    assert caught.value.hint == "ganzoo run RECIPE --name my-first-run"


# --- references that mean no run -----------------------------------------------------------------


def test_a_misspelt_run_is_answered_with_the_nearest_one_and_where_to_look(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "digits-dcgan-hinge", 0)
    with pytest.raises(UsageError, match=f"no run 'digits-dgcan.*did you mean '{run.name}'") as no:
        RunDirectory.find(run.name.replace("dcgan", "dgcan"), tmp_path)
    assert no.value.hint == f"ganzoo ls --runs-dir {tmp_path}"


def test_without_runs_the_hint_is_to_start_one_in_that_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no runs in") as caught:
        RunDirectory.find("last", tmp_path / "none")
    assert caught.value.hint == f"ganzoo run digits-dcgan-hinge --runs-dir {tmp_path / 'none'}"


def test_a_directory_that_is_not_a_run_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match=r"photos is not a run: it has no run\.json"):
        RunDirectory.find(str(tmp_path / "photos"), tmp_path / "runs")


@pytest.mark.parametrize("content", ["", '{"created": "2026-01'])
def test_a_run_with_a_damaged_run_json_is_found_by_name_and_reported(
    tmp_path: Path, content: str
) -> None:
    run = RunDirectory.create(tmp_path, "a", 0)
    run.info_file.write_text(content)
    with pytest.raises(DataError, match=r"run\.json is incomplete or empty"):
        RunDirectory.find(run.name, tmp_path)


def test_of_many_matching_runs_only_the_first_are_listed(tmp_path: Path) -> None:
    made = [RunDirectory.create(tmp_path, "a", seed).name for seed in range(7)]
    with pytest.raises(UsageError, match="'a-s' matches 7 runs") as caught:
        RunDirectory.find("a-s", tmp_path)
    assert made[4] in caught.value.message
    assert caught.value.message.endswith(" and 2 more")
