"""Metrics of lines on lines whose numbers are known."""

import math
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ganzoo_text.datasets.grammar import Grammar
from ganzoo_text.extractors.n_grams import NGrams
from ganzoo_text.grammar import ANIMALS
from ganzoo_text.grammar import Grammar as Rules
from ganzoo_text.metrics.distinct import Distinct
from ganzoo_text.metrics.grammar import GrammarMembership
from ganzoo_text.metrics.jsd import NGramJSD
from ganzoo_text.metrics.likelihood import HeldOutNLL
from ganzoo_text.metrics.lines import n_grams
from ganzoo_text.metrics.oracle import OracleNLL
from ganzoo_text.metrics.self_bleu import SelfBLEU, bleu
from ganzoo_text.oracle import Oracle
from scipy.spatial.distance import jensenshannon
from scipy.special import expit, logsumexp

from ganzoo.api import DataError, Evaluated, SampleSpec
from ganzoo.nn import END, Vocabulary

ABC = SampleSpec("text", (4,), vocabulary=4, tokens=(END, "a", "b", "c"))


def side(spec: SampleSpec, lines, **more) -> Evaluated:
    rows = lines if isinstance(lines, torch.Tensor) else stored(spec, *lines)
    return Evaluated(rows.float(), rows, extraction=SimpleNamespace(spec=spec), **more)  # type: ignore[arg-type]


def stored(spec: SampleSpec, *lines: str) -> torch.Tensor:
    vocabulary = Vocabulary(spec)
    return torch.tensor([vocabulary.row(line, "here") for line in lines])


def sides(spec: SampleSpec, real, fake, test=None) -> tuple[Evaluated, Evaluated]:
    splits = {} if test is None else {"test": side(spec, test)}
    return side(spec, real, splits=splits), side(spec, fake)


def test_no_n_gram_goes_over_the_end_of_a_line() -> None:
    codes, rows = n_grams(ABC, stored(ABC, "ab", "abca").numpy(), 2)
    assert codes.tolist() == [1 * 4 + 2, 2 * 4 + 0, 1 * 4 + 2, 2 * 4 + 3, 3 * 4 + 1]
    assert rows.tolist() == [0, 0, 1, 1, 1]


def test_equal_lines_have_no_divergence_and_lines_without_a_common_one_have_one_bit() -> None:
    equal = NGramJSD(longest=2)(*sides(ABC, ["ab", "c"], ["c", "ab"], ["ab", "c"]))
    assert set(equal.values()) == {0.0}
    apart = NGramJSD(longest=1)(*sides(ABC, ["aaaa"], ["bbbb"]))
    assert apart == {"ngram_jsd_1": 1.0}


def test_a_divergence_is_that_of_the_closed_form() -> None:
    found = NGramJSD(longest=1)(*sides(ABC, ["aaab"], ["abbb"]))["ngram_jsd_1"]
    assert found == pytest.approx(1 - (-0.75 * math.log2(0.75) - 0.25 * math.log2(0.25)))


def test_held_out_lines_are_as_many_as_generated_ones() -> None:
    real = Grammar("train", length=3000).tokens
    test = Grammar("test", length=3000).tokens
    spec = Grammar("test", length=1).spec
    few = NGramJSD()(*sides(spec, real, test[:300], test))
    assert few["ngram_jsd_4"] == pytest.approx(few["ngram_jsd_4_held_out"], rel=0.15)


def test_repeated_and_copied_lines_are_counted() -> None:
    found = Distinct(longest=2)(*sides(ABC, ["ab", "b"], ["ab", "ab", "ac", "ca"]))
    assert found["distinct_lines"] == 0.75
    assert found["copied_lines"] == 0.5
    assert found["distinct_1"] == 4 / 12
    assert found["distinct_2"] == 6 / 8  # of ab b. ab b. ac c. ca a.: "ab" and "b." come twice


def test_the_line_itself_is_not_among_its_references() -> None:
    same = bleu(ABC, stored(ABC, "abca", "abca", "abca").numpy(), 4)
    assert same.tolist() == [1.0] * 3
    apart = bleu(ABC, stored(ABC, "aaaa", "bbbb").numpy(), 1)
    assert apart == pytest.approx([0.1 / 4] * 2)


def test_bleu_is_that_of_a_count_by_hand() -> None:
    spec = SampleSpec("text", (9,), vocabulary=4, tokens=ABC.tokens)
    lines = ["abcab", "abba", "cabcaba", "b", "aaaa"]
    found = bleu(spec, stored(spec, *lines).numpy(), 3)
    for index, line in enumerate(lines):
        others = lines[:index] + lines[index + 1 :]
        assert found[index] == pytest.approx(by_hand(line, others, 3)), line


def by_hand(line: str, references: list[str], longest: int) -> float:
    total = 0.0
    for n in range(1, longest + 1):
        own = [line[i : i + n] for i in range(len(line) - n + 1)]
        most = {
            gram: max(sum(ref[i : i + n] == gram for i in range(len(ref))) for ref in references)
            for gram in set(own)
        }
        matches = sum(min(own.count(gram), most[gram]) for gram in set(own))
        total += math.log(max(matches, 0.1) / max(len(own), 1)) / longest
    closest = min((len(ref) for ref in references), key=lambda size: abs(size - len(line)))
    return math.exp(total + min(0.0, 1 - closest / len(line)))


def test_lines_that_are_all_alike_have_a_self_bleu_of_one() -> None:
    found = SelfBLEU()(*sides(ABC, ["ab"], ["abca"] * 5, ["abca", "cbac", "aabb"]))
    assert found["self_bleu"] == 1
    assert found["self_bleu_held_out"] < 0.6


def test_numbers_of_lines_of_any_length_are_those_of_counts_by_hand() -> None:
    spec = SampleSpec("text", (6,), vocabulary=4, tokens=ABC.tokens)
    random = np.random.default_rng(0)

    def drawn(count: int) -> list[str]:
        return ["".join(random.choice(list("abc"), random.integers(0, 7))) for _ in range(count)]

    def grams(lines: list[str], n: int) -> Counter[str]:
        ended = [line + "." * (len(line) < 6) for line in lines]  # a full line has no end token
        return Counter(line[i : i + n] for line in ended for i in range(len(line) - n + 1))

    real, fake = drawn(40), drawn(25)
    found = NGramJSD()(*sides(spec, real, fake)) | Distinct()(*sides(spec, real, fake))
    for n in range(1, 5):
        a, b = grams(real, n), grams(fake, n)
        counts = [[each[key] for key in sorted({*a, *b})] for each in (a, b)]
        assert found[f"ngram_jsd_{n}"] == pytest.approx(jensenshannon(*counts, base=2) ** 2)
        if n < 4:
            assert found[f"distinct_{n}"] == len(b) / b.total()
    assert found["distinct_lines"] == len(set(fake)) / 25
    assert found["copied_lines"] == sum(line in real for line in fake) / 25


def test_lines_without_an_n_gram_have_no_divergence_at_all() -> None:
    found = NGramJSD(longest=2)(*sides(ABC, ["", ""], [""]))
    assert found["ngram_jsd_1"] == 0  # the end of a line is a token
    assert math.isnan(found["ngram_jsd_2"])
    assert NGramJSD(longest=2)(*sides(ABC, ["ab"], [""]))["ngram_jsd_2"] == 1


def test_short_lines_that_are_alike_have_a_tenth_of_a_match_for_each_longer_n_gram() -> None:
    found = SelfBLEU()(*sides(ABC, ["ab"], ["ab"] * 5))
    assert found["self_bleu"] == pytest.approx((1 * 1 * 0.1 * 0.1) ** 0.25)


def test_copies_are_those_of_the_training_lines_whatever_the_reference_is() -> None:
    real, fake = sides(ABC, ["ab", "b"], ["ca", "ab"])
    real.splits["test"], real.splits["train"] = real, side(ABC, ["ca", "ca"])  # type: ignore[index]
    found = Distinct()(real, fake)
    assert found["copied_lines"] == 0.5
    assert found["copied_lines_held_out"] == 0
    assert not [name for name in NGramJSD()(real, fake) if name.endswith("_held_out")]


def test_the_likelihood_of_the_oracle_is_that_of_its_equations_line_by_line() -> None:
    oracle = Oracle(20, 3)
    lines = oracle.draw(9, 7, 0)
    spec = SampleSpec("text", (7,), vocabulary=20)
    table, w, u, b, out, bias = (
        each.double().numpy()
        for each in (
            oracle.embedding, oracle.of_input, oracle.of_state, oracle.bias, oracle.output,
            oracle.output_bias,
        )
    )  # fmt: skip
    total = 0.0
    for line in lines.tolist():
        h, c, before = np.zeros(32), np.zeros(32), 0
        for token in line:
            i, f, o, g = np.split(w @ table[before] + u @ h + b, 4)
            c = expit(f) * c + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(c)
            logits = out @ h + bias
            total += logsumexp(logits) - logits[token]
            before = token
    found = OracleNLL(vocabulary=20, seed=3)(*sides(spec, lines, lines, lines[:4]))
    assert found["nll_oracle"] == pytest.approx(total / 63, rel=1e-5)


# --- the grammar ---

TINY = Rules(
    {
        "S": [(0.75, ("X", "Y")), (0.25, ("X",))],
        "X": [(0.5, ("a",)), (0.5, ("b",))],
        "Y": [(0.2, ("c", "X")), (0.8, ("c",))],
    }
)


def sentences(symbol: str, rules: Rules) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Yield each derivation's probability and words."""
    if symbol not in rules.rules:
        yield 1.0, (symbol,)
        return
    for share, right in rules.rules[symbol]:
        found = [(share, ())]
        for part in right:
            found = [
                (p * q, words + more) for p, words in found for q, more in sentences(part, rules)
            ]
        yield from found


def test_probabilities_entropy_and_lengths_are_those_of_all_sentences() -> None:
    every = list(sentences("S", TINY))
    assert sum(p for p, _ in every) == pytest.approx(1)
    assert len({words for _, words in every}) == len(every)
    for p, words in every:
        assert TINY.probability(words) == pytest.approx(p)
    assert TINY.entropy == pytest.approx(-sum(p * math.log(p) for p, _ in every))
    assert TINY.mean_length == pytest.approx(sum(p * len(words) for p, words in every))
    assert TINY.longest(lambda word: 1) == max(len(words) for _, words in every)
    assert TINY.words == ("a", "b", "c")
    assert TINY.probability(("c", "a")) == TINY.probability(()) == 0


def test_the_entropy_of_the_animals_is_that_of_their_sentences() -> None:
    random = np.random.default_rng(0)
    drawn = [ANIMALS.draw(random) for _ in range(2000)]
    nll = [-math.log(ANIMALS.probability(each)) for each in drawn]
    error = np.std(nll) / math.sqrt(len(nll))
    assert np.mean(nll) == pytest.approx(ANIMALS.entropy, abs=4 * error)
    assert np.mean([len(each) for each in drawn]) == pytest.approx(ANIMALS.mean_length, abs=0.2)


@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("the dog that sees two cats sleeps", True),
        ("the dog that sees two cats sleep", False),
        ("two dogs that see a big cat sleep", True),
        ("two dog sleep", False),
        ("the dog that sleeps", False),
        ("the dog sleeps the cat", False),
        ("", False),
    ],
)
def test_a_verb_agrees_with_its_noun_over_a_relative_clause(sentence: str, right: bool) -> None:
    assert bool(ANIMALS.probability(sentence.split())) == right


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_wrong_and_repeated_sentences_are_seen(unit: str) -> None:
    data = Grammar("train", length=60, unit=unit)  # type: ignore[arg-type]
    spec = data.spec
    good, bad = "the dog sleeps", "the dog sleep"
    found = GrammarMembership()(*sides(spec, data.tokens, [good, good, bad, "a dogs runs"]))
    assert found["valid_share"] == 0.5
    assert found["valid_distinct"] == 0.25


def test_the_floor_of_a_likelihood_is_the_grammars_own() -> None:
    data, test = Grammar("train", length=60), Grammar("test", length=1500)
    found = GrammarMembership()(*sides(data.spec, data.tokens, data.tokens, test.tokens))
    tokens = ANIMALS.mean_length + 1  # the end of a line is a token
    assert found["nll_floor"] == pytest.approx(ANIMALS.entropy / tokens, rel=0.03)


def test_other_text_is_refused_by_the_grammar() -> None:
    with pytest.raises(DataError, match="text/grammar alone"):
        GrammarMembership()(*sides(ABC, ["ab"], ["ab"]))


def test_the_likelihood_is_a_mean_over_tokens_with_the_ends() -> None:
    real, fake = sides(ABC, ["ab", "abca"], ["a"], ["abca", "b"])
    probe = SimpleNamespace(log_prob=lambda rows: -3.0 * torch.ones(len(rows)))
    found = HeldOutNLL()(
        real, Evaluated(fake.features, fake.samples, extraction=fake.extraction, generator=probe)
    )  # type: ignore[arg-type]
    assert found["nll_gen"] == pytest.approx(2 * 3.0 / 6)  # abca is 4 tokens, b and its end 2
    assert found["nll_gen_real"] == pytest.approx(2 * 3.0 / 7)


def test_features_are_counts_and_tell_orders_and_places_apart() -> None:
    tokens = torch.tensor([[1, 2, 1, 2], [2, 1, 2, 1], [1, 1, 2, 2]]).float()
    found = NGrams()(tokens).square()
    assert found.shape == (3, 256)
    sums = found.unflatten(1, (4, 64)).sum(2)
    torch.testing.assert_close(sums, torch.tensor([[4.0, 3.0, 2.0, 4.0]]).expand(3, 4))
    torch.testing.assert_close(found[0, :64], found[2, :64])
    assert not torch.equal(found[0, 64:128], found[2, 64:128])
    assert NGrams()(torch.ones(2, 1)).shape == (2, 256)
