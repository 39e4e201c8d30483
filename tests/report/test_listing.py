"""What ``ganzoo ls`` says of runs: status, the step that is saved, the run's own score."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.report.listing import own_score

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def test_ls_shows_status_final_score_and_the_step_that_a_resume_begins_at(
    runs, make_run, score, capsys: Capture
) -> None:
    done = make_run("a", score(9.0, "during"), score(3.0))
    stopped = make_run(
        "b", score(5.0, "during", step=50), lr=1e-3, events=("started",), steps=70, saved=60
    )
    assert main(["ls"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:4] for line in lines] == [
        [done.name, "finished", "100", "3.00"],
        [stopped.name, "interrupted", "60", "5.00"],
    ]
    assert main(["ls", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [each["score"]["value"] for each in content] == [3.0, 5.0]


def test_a_score_under_another_protocol_does_not_replace_the_runs_own(score, protocol) -> None:
    finer = replace(protocol, n_fake=5000)
    own, later, again = score(3.0), score(2.0, "final", finer), score(3.1)
    best, asked = score(2.5, "best", step=60), score(1.0, "asked", step=60)
    assert own_score([score(9.0, "during"), own, best]) == own
    assert own_score([score(9.0, "during"), own, best, later, asked]) == own
    assert own_score([own, later, again]) == again


def test_a_run_that_went_on_shows_the_newest_score_on_the_way(score) -> None:
    first, on_the_way = score(3.0, step=100), score(2.8, "during", step=140)
    assert own_score([first, on_the_way]) == on_the_way
    assert own_score([first, on_the_way, score(2.7, step=150)]).value == 2.7


def test_what_was_asked_for_stands_in_where_there_is_nothing_else(score) -> None:
    asked = score(4.0, "asked", step=60)
    assert own_score([asked]) == asked
    assert own_score([]) is None


@pytest.mark.parametrize(
    ("words", "hint"), [([], "ganzoo run RECIPE"), (["x"], "ganzoo run RECIPE --runs-dir x")]
)
def test_ls_of_nothing_says_how_to_make_a_run(
    words: list[str], hint: str, runs, capsys: Capture
) -> None:
    assert main(["ls", *(["--runs-dir", *words] if words else [])]) == 0
    where = words[0] if words else "runs"
    assert capsys.readouterr() == ("", f"there are no runs in {where}\ntry: {hint}\n")


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_ls_says_which_run_it_cannot_read(
    content: str, runs, make_run, score, capsys: Capture
) -> None:
    make_run("a", score(3.0))
    broken = make_run("b", lr=1e-3)
    broken.info_file.write_text(content)
    (runs / "notes").mkdir()
    assert main(["ls"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err.startswith(f"left out: runs/{broken.name}/run.json is")
    assert "notes" not in err
