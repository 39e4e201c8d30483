"""Verdicts on published scores: the tolerance, the protocol, and which score of a run counts."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from ganzoo.errors import ComparisonError
from ganzoo.report import verify
from ganzoo.report.published import PublishedFigure
from ganzoo.report.verify import Conditions, Measured, Verdict, measured_in, tolerance_of
from ganzoo.report.welch import t_quantile, two_sided_t
from ganzoo.runs.score import Statistics

MODES = PublishedFigure("ring", "modes_covered", 8.0, "a table")
FID = PublishedFigure("sngan", "fid", 16.77, "a README", 50_000, 50_000, "inception", "train")


def judge(figure: PublishedFigure, runs: list[Measured]) -> Verdict:
    return verify.judge(figure, runs, ["mine.yaml"])


@pytest.fixture
def measured(score):
    """Return runs that measured these values, each with the same standard error."""

    def make(*values: float, error: float | None = None) -> list[Measured]:
        return [
            Measured(f"ring-s{seed}", seed, value, error, score(1.0))
            for seed, value in enumerate(values)
        ]

    return make


# --- tolerance -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (9, 2.26216), (30, 2.04227), (math.inf, 1.95996)],
)
def test_the_quantiles_are_those_of_printed_tables(freedom: float, quantile: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(quantile, rel=1e-5)
    if freedom < math.inf:
        assert two_sided_t(quantile, freedom) == pytest.approx(0.05, rel=1e-4)


def test_against_one_published_run_it_is_the_interval_of_one_draw_more(measured) -> None:
    found = tolerance_of(MODES, measured(7.0, 8.0, 9.0))  # sd 1
    assert found.value == pytest.approx(4.30265 * math.sqrt(1 / 3 + 1), rel=1e-5)


def test_against_a_published_mean_it_has_both_standard_errors_and_welchs_freedom(measured) -> None:
    figure = replace(MODES, trials=10, standard_error=0.5)
    a, b = 1 / 3, 0.25
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 9)
    expected = t_quantile(0.95, freedom) * math.sqrt(a + b)
    assert tolerance_of(figure, measured(7.0, 8.0, 9.0)).value == pytest.approx(expected)


def test_one_run_takes_its_spread_from_the_published_runs(measured) -> None:
    figure = replace(MODES, trials=10, standard_error=0.5)
    found = tolerance_of(figure, measured(8.0))
    # of which one varies by 0.5 sqrt(10)
    assert found.value == pytest.approx(2.26216 * math.sqrt(10 * 0.25 + 0.25), rel=1e-5)
    assert "published runs" in found.basis


def test_one_run_against_one_has_the_errors_over_samples_and_says_so(measured) -> None:
    figure = replace(FID, standard_error=0.04)
    assert tolerance_of(figure, measured(16.9, error=0.03)).value == pytest.approx(0.098, abs=1e-4)
    verdict = judge(figure, measured(17.0, error=0.03))
    assert verdict.outcome == "not reproduced"
    assert "not the spread over seeds" in verdict.notes[0]
    assert "--seeds" in verdict.notes[0]


def test_seeds_that_agree_by_chance_keep_the_error_over_samples(measured) -> None:
    found = tolerance_of(FID, measured(16.9, 16.9, error=0.3))
    assert found.value == pytest.approx(12.7062 * 0.3 * math.sqrt(1 / 2 + 1), rel=1e-5)


def test_a_published_mean_without_an_error_counts_as_that_many_runs_of_ours(measured) -> None:
    found = tolerance_of(replace(MODES, trials=4), measured(7.0, 8.0, 9.0))
    assert found.value == pytest.approx(4.30265 * math.sqrt(1 / 3 + 1 / 4), rel=1e-5)


@pytest.mark.parametrize("trials", [None, 10])
def test_runs_of_one_law_reproduce_in_about_95_of_100_cases(measured, trials) -> None:
    law, draws = random.Random(0), 1500
    passed = 0
    for _ in range(draws):
        published = [law.gauss(100, 1) for _ in range(trials or 1)]
        mean = sum(published) / len(published)
        error = None
        if trials:
            squares = sum((each - mean) ** 2 for each in published)
            error = math.sqrt(squares / (trials - 1) / trials)
        figure = replace(MODES, value=mean, trials=trials, standard_error=error)
        ours = measured(*(law.gauss(100, 1) for _ in range(3)))
        passed += judge(figure, ours).outcome == "reproduced"
    assert 0.92 <= passed / draws <= 0.97  # Welch's freedom is an approximation: 0.93 with trials


# --- verdicts ------------------------------------------------------------------------------------


def test_equal_values_without_spread_reproduce_and_others_do_not(measured) -> None:
    assert judge(MODES, measured(8.0, 8.0, 8.0)).outcome == "reproduced"
    assert judge(MODES, measured(7.0, 7.0, 7.0)).outcome == "not reproduced"


def test_a_better_value_than_the_published_one_is_not_reproduced_either(measured) -> None:
    baseline = PublishedFigure("gan", "modes_covered", 17.3, "", trials=10, standard_error=0.8)
    assert judge(baseline, measured(25.0, 25.0, 24.0)).outcome == "not reproduced"


def test_runs_that_vary_too_much_for_any_verdict_cannot_be_compared(measured) -> None:
    verdict = judge(replace(FID, standard_error=0.04), measured(10.0, 15.0, 30.0))
    assert verdict.outcome == "cannot be compared"
    assert "vary too much" in verdict.reason
    assert verdict.hint == "ganzoo verify mine.yaml --seeds 0-9"


@pytest.mark.parametrize(
    ("published", "error", "modes", "outcome"),
    [  # PacGAN2 and PacGAN4 on a grid, table 1 of arXiv:1712.04086, and three short runs of each
        (24.8, 0.2, (20.0, 11.0, 13.0), "cannot be compared"),
        (23.8, 0.7, (13.0, 8.0, 15.0), "not reproduced"),
    ],
)
def test_a_spread_excuses_no_value_that_is_far_away(
    measured, published, error, modes, outcome
) -> None:
    figure = PublishedFigure("pac", "modes_covered", published, "", trials=10, standard_error=error)
    assert judge(figure, measured(*modes)).outcome == outcome


def test_a_wide_published_error_alone_is_no_reason_against_a_verdict(measured) -> None:
    figure = PublishedFigure("pac", "reverse_kl", 0.06, "", trials=10, standard_error=0.02)
    assert judge(figure, measured(0.05, 0.06, 0.055)).outcome == "reproduced"


def test_one_run_of_a_number_without_error_cannot_be_compared(measured) -> None:
    verdict = judge(MODES, measured(8.0))
    assert verdict.outcome == "cannot be compared"
    assert verdict.hint == "ganzoo verify mine.yaml --seeds 0-2"


def test_the_words_have_the_numbers_the_runs_and_the_deviations(measured) -> None:
    figure = replace(MODES, n_fake=2500, trials=10, standard_error=0.1, deviations=("40 epochs",))
    text = "\n".join(judge(figure, measured(7.5, 8.0, 8.5)).lines())
    assert text.startswith("ring: reproduced\n")
    assert "8 ± 0.1  (2,500 generated, mean of 10 runs)" in text
    assert "8 ± 0.5 sd over 3 seeds  (seed 0: 7.5, seed 1: 8, seed 2: 8.5)" in text
    assert "difference  +0, tolerance" in text
    assert all(each in text for each in ("ring-s2", "deviation   40 epochs", "source      a table"))


def test_the_plain_data_of_a_verdict_has_every_run_with_its_score(measured) -> None:
    found = judge(MODES, measured(7.0, 9.0)).to_dict()
    assert (found["value"], found["difference"], found["sd"]) == (8.0, 0.0, pytest.approx(2**0.5))
    assert [each["seed"] for each in found["runs"]] == [0, 1]
    assert found["runs"][0]["score"]["protocol"]["n_fake"] == 599
    assert Verdict("cannot be compared", MODES, "why").to_dict()["value"] is None


# --- protocol ------------------------------------------------------------------------------------

HERE = Conditions("zoo/inception", 50_000, 50_000, "train")


@pytest.mark.parametrize(
    ("change", "conflict"),
    [
        ({}, None),
        ({"extractor": "zoo/toy-cnn"}, "extractor toy-cnn here, inception published"),
        ({"extractor": None}, "extractor none here, inception published"),
        ({"n_fake": 10_000}, "generated samples 10,000 here, 50,000 published"),
        ({"n_real": None}, "real samples none here, 50,000 published"),
        ({"split": "test"}, "split test here, train published"),
    ],
)
def test_a_conflict_names_what_differs(change: dict[str, Any], conflict: str | None) -> None:
    found = replace(HERE, **change).conflict(FID)
    assert found == (f"other protocols: {conflict}" if conflict else None)


@pytest.mark.parametrize(
    ("change", "conflict"),
    [
        ({"extractor": None}, None),  # fid means Inception
        ({"extractor": "dinov2"}, "a fid needs the extractor inception"),
        ({"n_real": None, "split": None}, "does not say its n_real, split"),
        ({"metric": "frechet", "extractor": None}, "does not say its extractor"),
        ({"metric": "kid", "n_real": None, "n_fake": None, "split": None}, None),
    ],
)
def test_a_published_distance_needs_its_protocol(change: Any, conflict: str | None) -> None:
    found = HERE.conflict(replace(FID, **change))
    assert found is None if conflict is None else conflict in found


# --- scores of a run -----------------------------------------------------------------------------

OURS = PublishedFigure("a", "frechet", 3.0, "", 1198, 599, "toy-cnn", "train")


def test_the_score_of_the_final_generator_counts_unless_the_best_is_published(
    make_run, score
) -> None:
    run = make_run("a", score(9.0, "during"), score(3.0, "best", step=50), score(4.0))
    assert measured_in(run, OURS).value == 4.0
    assert measured_in(run, replace(OURS, select="best")).value == 3.0


def test_the_standard_error_is_that_of_the_distance_or_of_the_metric(make_run, score) -> None:
    metrics = {"kid": 0.01, "kid_standard_error": 0.002, "modes_covered": 5.0}
    statistics = Statistics(1.0, 2.0, 1.5, standard_error=0.25)
    run = make_run("a", replace(score(4.0, metrics=metrics), statistics=statistics))
    assert measured_in(run, OURS).standard_error == 0.25
    kid = measured_in(run, replace(OURS, metric="kid"))
    assert (kid.value, kid.standard_error) == (0.01, 0.002)
    assert measured_in(run, replace(OURS, metric="modes_covered")).standard_error is None


def test_a_score_that_was_asked_for_later_counts_under_the_published_protocol(
    make_run, score, protocol
) -> None:
    other = replace(protocol, n_fake=5000)
    run = make_run("a", score(4.0), score(2.0, "asked", other))
    assert measured_in(run, replace(OURS, n_fake=5000)).value == 2.0


def test_the_best_checkpoint_may_be_scored_later_under_the_published_protocol(
    make_run, score, protocol
) -> None:
    other = replace(protocol, n_fake=5000)
    during = [score(9.0, "during", step=40), score(3.0, "during", step=60)]
    asked = [score(2.5, "asked", other, step=60), score(1.0, "asked", other, step=40)]
    figure = replace(OURS, select="best", n_fake=5000)
    own = score(3.0, "best", step=60)
    assert measured_in(make_run("a", *during, own, score(4.0), *asked), figure).value == 2.5
    assert measured_in(make_run("b", *during, score(4.0), *asked), figure).value == 2.5


@pytest.mark.parametrize(
    ("change", "reason", "hint"),
    [
        ({"metric": "modes"}, "no number 'modes'", None),
        ({"metric": "precision"}, "precision is undefined", None),
        ({"select": "best"}, "no score of the best checkpoint", "--checkpoint best"),
        ({"n_fake": 5000}, "599 here, 5,000 published", "eval.final_samples=5000"),
        ({"split": "test"}, "split train here, test published", None),
    ],
)
def test_a_run_without_the_published_score_says_why(
    change: Any, reason: str, hint: str | None, make_run, score
) -> None:
    run = make_run("a", score(4.0, metrics={"modes_covered": 3.0, "precision": math.nan}))
    with pytest.raises(ComparisonError, match=reason) as caught:
        measured_in(run, replace(OURS, **change))
    assert (caught.value.hint is None) == (hint is None)
    assert hint is None or hint in caught.value.hint


def test_an_unfinished_run_says_so(make_run, score) -> None:
    run = make_run("a", score(4.0, "during"), events=("started", "failed"))
    with pytest.raises(ComparisonError, match="failed at step 100"):
        measured_in(run, OURS)
