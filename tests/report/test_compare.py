"""Which runs are ranked together, in what order, and what is printed about the others."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.errors import ComparisonError, UsageError
from ganzoo.recipes.lock import experiment_id, identity, read_lock
from ganzoo.report.compare import compare
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.report.welch import welch_p_value
from ganzoo.runs.score import Statistics


def reasons(comparison: Leaderboard) -> dict[str, tuple[str, str | None]]:
    return {each.run: (each.reason, each.command) for each in comparison.unranked}


# --- ranking -------------------------------------------------------------------------------------


def test_the_lower_distance_comes_first(runs, make_run, score) -> None:
    make_run("worse", score(9.0), lr=1e-3)
    make_run("better", score(3.0))
    found = compare()
    assert [(row.rank, row.name, row.mean) for row in found.ranked] == [
        (1, "better", 3.0),
        (2, "worse", 9.0),
    ]
    assert found.unranked == ()


def test_runs_that_differ_only_in_their_seeds_are_one_row(runs, make_run, score) -> None:
    for seed, value in enumerate([3.0, 4.0, 5.0]):
        make_run("hinge", score(value), seed=seed)
    (row,) = compare().ranked
    assert (row.n, row.mean, row.sd, row.seeds) == (3, 4.0, 1.0, (0, 1, 2))
    assert row.name == "hinge"


def test_a_single_seed_keeps_its_place_and_is_marked(runs, make_run, score) -> None:
    make_run("lucky", score(2.9))
    for seed, value in enumerate([3.0, 3.2]):
        make_run("steady", score(value), seed=seed, lr=1e-3)
    comparison = compare()
    lucky, steady = comparison.ranked
    assert (lucky.name, lucky.sd, lucky.p_value, steady.p_value) == ("lucky", None, None, None)
    assert comparison.table().rows[0][2:5] == ["1", "2.90", "n=1"]
    assert comparison.table().rows[1][2:5] == ["2", "3.10 ± 0.14", ""]


def test_a_row_without_a_significant_difference_from_the_first_is_marked(
    runs, make_run, score
) -> None:
    values = {"a": [3.0, 3.4, 3.2], "b": [3.3, 3.5, 3.1], "c": [8.0, 8.2, 8.1]}
    for name, seeds in values.items():
        for seed, value in enumerate(seeds):
            make_run(name, score(value), seed=seed, lr=float(ord(name)))
    first, close, far = compare().ranked
    assert first.p_value is None
    assert close.p_value == welch_p_value(values["a"], values["b"])
    assert (close.is_close, far.is_close) == (True, False)
    assert compare().table().rows[1][4] == "≈ best"


def test_a_repeated_seed_counts_once(runs, make_run, score) -> None:
    old = make_run("hinge", score(3.0))
    new = make_run("hinge", score(3.5))
    comparison = compare()
    assert comparison.ranked[0].values == (3.5,)
    assert reasons(comparison) == {
        old.name: (f"repeats seed 0 of an experiment; {new.name} is newer", None)
    }


def test_best_checkpoints_have_their_own_column_and_are_not_ranked(runs, make_run, score) -> None:
    make_run("a", score(9.0), score(1.0, "best", step=50))
    make_run("b", score(5.0), score(4.0, "best", step=80), lr=1e-3)
    comparison = compare()
    assert [(row.name, row.mean, row.best) for row in comparison.ranked] == [
        ("b", 5.0, (4.0,)),
        ("a", 9.0, (1.0,)),
    ]
    assert "best" in comparison.table().columns
    assert any("optimistic" in note for note in comparison.notes)


def test_scores_during_training_are_never_ranked(runs, make_run, score) -> None:
    make_run("a", score(1.0, "during", step=50), score(9.0))
    assert compare().ranked[0].values == (9.0,)


def test_a_later_score_of_the_last_generator_replaces_a_missing_final_one(
    runs, make_run, score, protocol
) -> None:
    finer = replace(protocol, n_fake=1000)
    make_run("a", score(3.0), score(2.5, "asked", finer), score(1.0, "asked", finer, step=50))
    make_run("b", score(2.7, "final", finer), lr=1e-3)
    comparison = compare()
    assert comparison.protocol == finer
    assert [(row.name, row.values) for row in comparison.ranked] == [("a", (2.5,)), ("b", (2.7,))]


def test_sampling_that_differs_becomes_a_column(runs, make_run, score) -> None:
    make_run("a", score(3.0, weights="ema"))
    make_run("b", score(4.0, weights="raw"), lr=1e-3)
    table = compare().table()
    column = list(table.columns).index("weights")
    assert [row[column] for row in table.rows] == ["ema", "raw"]
    assert "step" not in table.columns


def test_sampling_parameters_that_differ_become_a_column(runs, make_run, score) -> None:
    make_run("a", score(3.0, parameters={"truncation": 0.7, "psi": 1}))
    make_run("b", score(4.0, latent="acme/truncated(threshold=1.0)"), lr=1e-3)
    table = compare().table()
    columns = list(table.columns)
    assert [row[columns.index("parameters")] for row in table.rows] == [
        "psi=1, truncation=0.7",
        "none",
    ]
    assert [row[columns.index("latent")] for row in table.rows] == [
        "none",
        "acme/truncated(threshold=1.0)",
    ]
    assert "psi=1, truncation=0.7" in compare().to_csv()
    first, second = json.loads(compare().to_json())["ranked"]
    assert first["sampling"]["parameters"] == ["psi=1, truncation=0.7"]
    assert second["sampling"]["parameters"] == [None]


def test_a_later_score_with_other_sampling_does_not_stand_for_the_run(
    runs, make_run, score, protocol
) -> None:
    finer = replace(protocol, n_fake=1000)
    as_trained = score(2.5, "asked", finer)
    truncated = score(1.0, "asked", finer, parameters={"truncation": 0.1})
    make_run("a", score(3.0), as_trained, truncated)
    make_run("b", score(2.7, "final", finer), lr=1e-3)
    assert [row.values for row in compare().ranked] == [(2.5,), (2.7,)]


def test_other_metrics_are_means_over_the_seeds(runs, make_run, score) -> None:
    for seed, modes in enumerate([8.0, 10.0]):
        make_run("a", score(3.0 + seed, metrics={"modes": modes}), seed=seed)
    comparison = compare()
    assert comparison.ranked[0].metrics == {"modes": 9.0}
    assert comparison.table().columns[-1] == "modes"


def test_a_score_that_used_a_local_plugin_file_is_marked(runs, make_run, score) -> None:
    make_run("mine", score(3.0)).write_info(plugin_sha256="d" * 64)
    comparison = compare()
    assert comparison.ranked[0].is_local
    assert comparison.table().rows[0][4] == "n=1, local"
    assert "--plugin" in comparison.notes[-1]


# --- what is not ranked --------------------------------------------------------------------------


def test_the_protocol_of_most_runs_is_ranked_and_the_others_get_a_command_to_join(
    runs, make_run, score, protocol
) -> None:
    finer = replace(protocol, n_fake=1000)
    first = make_run("a", score(3.0))
    make_run("b", score(4.0), lr=1e-3)
    other = make_run("c", score(2.0, "final", finer), lr=1e-2)
    comparison = compare()
    assert comparison.protocol == protocol
    assert [row.name for row in comparison.ranked] == ["a", "b"]
    reason, command = reasons(comparison)[other.name]
    assert "FD(toy-cnn) 1k · digits/train" in reason
    assert "n_fake: 1000 / 599" in reason
    assert command == f"ganzoo score {other.name} --like {first.name}"


def test_of_two_protocols_with_equally_many_runs_the_one_used_last_is_ranked(
    runs, make_run, score, protocol
) -> None:
    finer = replace(protocol, n_fake=1000)
    for lr in (1.0, 2.0):
        make_run("new", replace(score(2.0, "final", finer), time="2026-02-01"), lr=lr)
        make_run("old", replace(score(1.0), time="2026-01-01"), lr=lr + 10)
    assert compare().protocol == finer


def test_for_another_data_set_the_command_ranks_that_one(runs, make_run, score, protocol) -> None:
    shapes = replace(protocol, reference="zoo/shapes", reference_sha256="c" * 64)
    make_run("a", score(3.0))
    make_run("b", score(4.0), lr=1e-3)
    other = make_run("s", score(2.0, "final", shapes), lr=1e-2)
    assert reasons(compare())[other.name][1] == "ganzoo compare --dataset shapes"
    alone = compare(dataset="shapes")
    assert [row.name for row in alone.ranked] == ["s"]
    assert alone.unranked == ()


@pytest.mark.parametrize("events", [("started",), ("started", "finished", "resumed")])
def test_unfinished_runs_are_not_ranked_even_with_a_score(
    events: tuple[str, ...], runs, make_run, score
) -> None:
    make_run("a", score(3.0))
    run = make_run("b", score(1.0, "during"), score(1.0), lr=1e-3, events=events, steps=70)
    expected = ("interrupted at step 70", f"ganzoo resume {run.name}")
    assert reasons(compare())[run.name] == expected


def test_a_run_that_is_being_written_is_not_ranked(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    run = make_run("b", score(1.0), lr=1e-3, steps=70)
    with run.hold():
        assert reasons(compare())[run.name] == ("still running, at step 70", None)


def test_for_a_run_without_a_score_the_command_scores_it(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    run = make_run("b", lr=1e-3)
    reason, command = reasons(compare())[run.name]
    assert (reason, command) == ("its final generator has no score", f"ganzoo score {run.name}")


@pytest.mark.parametrize("damaged", ["run.json", "recipe.lock.yaml", "scores.jsonl"])
def test_damaged_records_are_reported_and_affect_no_other_run(
    damaged: str, runs, make_run, score
) -> None:
    make_run("a", score(3.0))
    run = make_run("b", score(1.0), lr=1e-3)
    (run.path / damaged).write_text('{"value": "no number"}\n' if "score" in damaged else "{")
    comparison = compare()
    assert [row.name for row in comparison.ranked] == ["a"]
    found = "scores.jsonl:1 has no checksum" if "score" in damaged else "its records cannot be read"
    assert found in reasons(comparison)[run.name][0]
    assert damaged in reasons(comparison)[run.name][0]


def test_a_torn_last_line_loses_only_that_score(runs, make_run, score) -> None:
    run = make_run("a", score(3.0))
    with run.scores_file.open("a") as file:
        file.write('{"value": 1.0, "protoc')
    assert compare().ranked[0].values == (3.0,)


def test_a_missing_lock_is_reported(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    run = make_run("b", score(1.0), lr=1e-3)
    run.lock_file.unlink()
    assert "recipe.lock.yaml" in reasons(compare())[run.name][0]


def test_directories_that_never_were_runs_are_ignored(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    (runs / "notes").mkdir()
    assert compare().unranked == ()


def test_outside_of_runs_a_command_names_the_path(runs, make_run, score, tmp_path: Path) -> None:
    make_run("a", score(3.0))
    make_run("b", lr=1e-3)
    shutil.move(runs, tmp_path / "elsewhere")
    (unranked,) = compare(runs_directory="elsewhere").unranked
    assert unranked.command == f"ganzoo score elsewhere/{unranked.run}"


# --- nothing to rank -----------------------------------------------------------------------------


def test_without_any_run_the_error_has_the_command_that_makes_one(runs) -> None:
    with pytest.raises(ComparisonError, match="there are no runs in runs") as caught:
        compare()
    assert caught.value.hint == "ganzoo run digits-dcgan-hinge"


def test_of_two_runs_under_two_protocols_the_newer_score_is_ranked_and_the_other_listed(
    runs, make_run, score, protocol
) -> None:
    make_run("a", replace(score(3.0), time="2026-01-01T00:00:00Z"))
    other = replace(protocol, n_fake=1000)
    make_run("b", replace(score(2.0, "final", other), time="2026-01-02T00:00:00Z"), lr=1e-3)
    found = compare()
    assert [row.name for row in found.ranked] == ["b"]
    (listed,) = found.unranked
    assert "n_fake: 599 / 1000" in listed.reason
    assert "--like" in str(listed.command)
    assert [row.name for row in compare(protocol=protocol.id).ranked] == ["a"]


def test_with_only_unfinished_runs_the_error_names_each(runs, make_run, score) -> None:
    run = make_run("a", score(1.0, "during"), events=("started",))
    with pytest.raises(ComparisonError, match=f"{run.name}: interrupted at step 100") as caught:
        compare()
    assert caught.value.hint == f"ganzoo resume {run.name}"


# --- choosing runs -------------------------------------------------------------------------------


def test_runs_are_named_by_prefix_by_path_or_as_the_last(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    b = make_run("b", score(4.0), lr=1e-3)
    make_run("c", score(5.0), lr=1e-2)
    assert [row.name for row in compare(["a-", b.path, "last"]).ranked] == ["a", "b", "c"]
    assert [row.name for row in compare(["c", "last"]).ranked] == ["c"]
    with pytest.raises(UsageError, match="no run 'd'"):
        compare(["d"])


# --- how it is written ---------------------------------------------------------------------------


def test_the_header_has_the_protocol_and_the_counts_in_words(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    assert compare().header == (
        "FD(toy-cnn) 599 · digits/train   599 generated against 1,198 real   lower is better"
    )


def test_every_format_has_the_ranking(runs, make_run, score, protocol) -> None:
    for seed, value in enumerate([3.0, 3.2]):
        make_run("a", score(value, metrics={"modes": 9.0}), seed=seed)
    lost = make_run("b", lr=1e-3)
    comparison = compare()
    content = json.loads(comparison.to_json())
    assert content["protocol_id"] == protocol.id
    assert content["ranked"][0]["values"] == [3.0, 3.2]
    assert content["unranked"][0]["run"] == lost.name
    (row,) = csv.DictReader(io.StringIO(comparison.to_csv()))
    assert (row["rank"], row["experiment"], float(row["mean"])) == ("1", "a", 3.1)
    assert (float(row["modes"]), row["protocol_id"]) == (9.0, protocol.id)
    for text in (comparison.to_markdown(), comparison.to_table()):
        assert "3.10 ± 0.14" in text
        assert f"{lost.name}: its final generator has no score" in text


def test_the_csv_has_every_column_of_the_table_with_all_digits(runs, make_run, score) -> None:
    for seed, value in enumerate([3.0, 3.25]):
        statistics = Statistics(1.0, value - 1, 0.5, 0.125 * (seed + 1), None)
        own = replace(score(value, metrics={"recall": 0.5}, step=100 + seed), statistics=statistics)
        make_run("a", own, score(2.0 + seed, "best", step=50), seed=seed)
    make_run("b", score(9.0), lr=1e-3)
    comparison = compare(only_changed=True)
    first, second = csv.DictReader(io.StringIO(comparison.to_csv()))
    shown = set(comparison.table().columns) - {"#", "", "FD(toy-cnn) ↓"}
    assert shown == {"experiment", "n", "best", "step", "recall", "optimizers.generator.lr"}
    assert shown <= set(first)
    assert {
        name: first[name] for name in ("mean", "sd", "standard_error", "expected_real", "best")
    } == {
        "mean": "3.125",
        "sd": repr(comparison.ranked[0].sd),
        "standard_error": "0.1875",
        "expected_real": "0.5",
        "best": "2.5",
    }
    assert (first["seeds"], first["values"], first["standard_errors"]) == (
        "0 1",
        "3.0 3.25",
        "0.125 0.25",
    )
    assert (first["step"], first["recall"], first["is_close"]) == ("100 101", "0.5", "false")
    assert (second["standard_error"], second["expected_real"], second["recall"]) == ("", "", "")
    (json_row, _) = json.loads(comparison.to_json())["ranked"]
    assert (json_row["standard_error"], json_row["best_mean"]) == (0.1875, 2.5)


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_the_command_prints_each_format(
    form: str, runs, make_run, score, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("a", score(3.0))
    lost = make_run("b", lr=1e-3)
    assert main(["compare", "--format", form]) == 0
    out, err = capsys.readouterr()
    comparison = compare()
    written = {
        "table": comparison.to_table,
        "md": comparison.to_markdown,
        "csv": comparison.to_csv,
        "json": comparison.to_json,
    }
    assert out == written[form]() + "\n"
    assert (lost.name in err) == (form == "csv")


def test_the_command_exits_with_two_if_nothing_can_be_ranked(
    runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare"]) == 2
    assert (
        capsys.readouterr().err == "there are no runs in runs\ntry: ganzoo run digits-dcgan-hinge\n"
    )


def test_run_json_is_used_for_the_lock_only_if_its_hash_matches(runs, make_run, score) -> None:
    run = make_run("hinge", score(3.0))
    told = identity(read_lock(run.lock_file), run.lock_file) | {"experiment": "told"}
    run.write_info(lock=told)
    assert compare().ranked[0].experiment_id == "told"
    run.lock_file.write_text(run.lock_file.read_text() + "# another file\n")
    assert compare().ranked[0].experiment_id == experiment_id(read_lock(run.lock_file))


def test_of_two_protocols_of_one_run_the_one_it_ended_with_is_ranked(runs, make_run, score) -> None:
    later = replace(score(9.0).protocol, n_fake=100)
    make_run("hinge", score(3.0), score(9.0, "asked", protocol=later))
    assert compare().protocol.n_fake == score(3.0).protocol.n_fake


def test_best_shows_its_number_of_seeds_if_some_have_none(runs, make_run, score) -> None:
    make_run("hinge", score(3.0), score(2.0, "best"), seed=0)
    make_run("hinge", score(4.0), seed=1)
    assert "2.00 (1 of 2)" in compare().table().rows[0]


def test_a_score_that_was_asked_for_later_never_replaces_the_runs_own(
    runs, make_run, score
) -> None:
    make_run("a", score(9.0), score(1.0, "asked", seed=8), score(2.0, seed=9))
    assert compare().ranked[0].values == (9.0,)


def test_a_resumed_run_is_ranked_by_its_own_score_of_its_last_step(runs, make_run, score) -> None:
    make_run("a", score(9.0), score(5.0, step=200), score(1.0, "asked", step=200), steps=200)
    assert compare().ranked[0].values == (5.0,)


def test_a_score_of_an_early_checkpoint_gives_no_rank(runs, make_run, score) -> None:
    run = make_run("a", score(1.0, "asked", step=50))
    make_run("b", score(3.0), lr=1e-3)
    comparison = compare()
    assert [row.name for row in comparison.ranked] == ["b"]
    assert "its final generator has no score" in reasons(comparison)[run.name][0]


def test_the_same_weights_under_three_seeds_count_once(runs, make_run, score) -> None:
    first, *others = (
        make_run("a", score(161.0, checkpoint_sha256="c" * 64), seed=seed) for seed in range(3)
    )
    comparison = compare()
    assert [row.values for row in comparison.ranked] == [(161.0,)]
    said = (f"has the same weights as {first.name}: no other seed", None)
    assert reasons(comparison) == {run.name: said for run in others}
