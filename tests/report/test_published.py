"""Published figures for the compared recipes: listed with their source, never ranked."""

import csv
import io
import json
from pathlib import Path

import pytest
import yaml

from ganzoo.cli import main
from ganzoo.recipes.lock import file_hash, identity, read_lock, write_lock
from ganzoo.recipes.yaml import load_document
from ganzoo.report.compare import compare
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.report.published import HEADING

SNGAN = {"metric": "fid", "value": 16.77, "n_fake": 50000, "split": "train", "source": "a README"}
LINE = "hinge: fid 16.77 (50,000 generated, train, not reproduced here), a README"


def says(run, **keys) -> None:
    write_lock(run.lock_file, read_lock(run.lock_file) | keys)


@pytest.fixture
def published(runs, make_run, score) -> None:
    """Two seeds of a recipe with a published figure far below their scores, and one without."""
    for seed, value in enumerate([30.0, 32.0]):
        says(make_run("hinge", score(value), seed=seed), published=SNGAN, reproduced=False)
    make_run("own", score(40.0), lr=1e-3)


def test_a_published_figure_is_not_ranked(published) -> None:
    found = compare()
    assert [(row.name, row.mean) for row in found.ranked] == [("hinge", 31.0), ("own", 40.0)]
    (figure,) = found.published
    assert (figure.recipe, figure.value, str(figure)) == ("hinge", 16.77, LINE)
    assert "16.77" not in found.table().plain()


def test_every_format_lists_it_separately_as_never_ranked(published) -> None:
    found = compare()
    assert found.to_table().endswith(f"\n\n{HEADING}:\n  {LINE}")
    assert found.to_markdown().endswith(f"\n\n{HEADING.capitalize()}:\n\n- {LINE}")
    content = json.loads(found.to_json())
    assert content["published"] == [
        SNGAN
        | {"recipe": "hinge", "n_real": None, "extractor": None, "select": None}
        | {"trials": None, "standard_error": None, "deviations": []}
        | {"reproduced": False}
    ]
    *ranked, last = csv.DictReader(io.StringIO(found.to_csv()))
    assert [row["published_value"] for row in ranked] == ["", ""]
    assert (last["rank"], last["mean"], last["experiment"]) == ("", "", "hinge")
    assert (last["published_value"], last["published_source"]) == ("16.77", "a README")
    page = comparison_page(found)
    assert page.count("16.77") == page.count(LINE) == 1
    assert page.index(HEADING.capitalize()) > page.index("</table>")


@pytest.mark.parametrize(
    ("reproduced", "said"),
    [
        (True, "16.77 (50,000 generated, train, reproduced here)"),
        (None, "16.77 (50,000 generated, train)"),
        ({"value": 17.1, "seeds": 3}, "train, reproduced here: value 17.1, seeds 3)"),
    ],
)
def test_the_text_tells_whether_it_was_reproduced_here(
    reproduced: object, said: str, runs, make_run, score
) -> None:
    says(make_run("a", score(3.0)), published=SNGAN, reproduced=reproduced)
    assert said in str(compare().published[0])


def test_the_text_has_the_error_and_the_number_of_runs(runs, make_run, score) -> None:
    pacgan = {"metric": "modes_covered", "value": 24.8, "standard_error": 0.2, "trials": 10}
    deviations = ["a tenth of the updates"]
    says(make_run("pac", score(3.0)), published={**pacgan, "source": "a", "deviations": deviations})
    (figure,) = compare().published
    assert str(figure) == "pac: modes_covered 24.8 ± 0.2 (mean of 10 runs), a"
    assert figure.deviations == ("a tenth of the updates",)


def test_without_a_published_figure_nothing_is_printed(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    found = compare()
    assert found.published == ()
    for text in (found.to_table(), found.to_markdown(), found.to_csv(), comparison_page(found)):
        assert "ublished" not in text


def test_for_many_runs_each_figure_is_parsed_once_and_no_lock_as_a_whole(
    runs, make_run, score, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        says(make_run("a", score(3.0), seed=seed), published=SNGAN, reproduced=False)
        says(make_run("b", score(4.0), seed=seed, lr=1e-3), published=None, reproduced=None)
    parsed = []
    monkeypatch.setattr(
        "ganzoo.report.published.load_document",
        lambda text, name: parsed.append(text) or load_document(text, name),
    )
    assert len(compare().published) == 1
    (text,) = parsed
    assert set(yaml.safe_load(text)) == {"published", "reproduced"}


@pytest.mark.parametrize("damage", ["published: [", "published: 3", "published: {value: 3}"])
def test_a_figure_that_was_edited_into_nonsense_is_left_out(
    damage: str, runs, make_run, score
) -> None:
    run = make_run("a", score(3.0))
    run.write_info(lock=identity(read_lock(run.lock_file), run.lock_file))
    run.lock_file.write_text(run.lock_file.read_text() + damage + "\n")
    info = run.info()["lock"] | {"sha256": file_hash(run.lock_file)}
    run.write_info(lock=info)
    assert compare().published == ()


def test_the_command_prints_it_below_the_table(
    published, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["compare"]) == 0
    out = capsys.readouterr().out
    assert out.index(HEADING) > out.index("own")
    assert LINE in out
