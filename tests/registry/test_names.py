"""A bare name means the zoo's, and a misspelt word finds the nearest one."""

import pytest

from ganzoo.errors import UsageError
from ganzoo.registry.names import is_name, kind_of, namespace_of, qualify, shorten, suggest


def test_a_bare_name_belongs_to_the_zoo_and_a_full_id_is_unchanged() -> None:
    assert qualify("dcgan") == "zoo/dcgan"
    assert qualify("acme/dcgan") == "acme/dcgan"
    assert namespace_of("dcgan") == "zoo"
    assert namespace_of("acme/dcgan") == "acme"


def test_shorten_undoes_qualify() -> None:
    assert shorten(qualify("dcgan")) == "dcgan"
    assert shorten("acme/dcgan") == "acme/dcgan"


@pytest.mark.parametrize("word", ["dcgan", "wgan-gp", "r1", "3d-gan"])
def test_lower_case_letters_digits_and_hyphens_make_a_name(word: str) -> None:
    assert is_name(word)


@pytest.mark.parametrize("word", ["", "DCGAN", "wgan_gp", "-gp", "a/b", "a b", "é", "a\n"])
def test_nothing_else_makes_a_name(word: str) -> None:
    assert not is_name(word)


def test_a_misspelt_word_finds_the_nearest_candidate_and_another_finds_none() -> None:
    assert suggest("spectral_nrom", ["spectral_norm", "width"]) == "spectral_norm"
    assert suggest("quux", ["spectral_norm", "width"]) is None


@pytest.mark.parametrize(
    ("word", "kind"),
    [("loss", "loss"), ("losses", "loss"), ("generators", "generator"), ("metric", "metric")],
)
def test_a_kind_is_known_by_its_singular_and_by_its_plural(word: str, kind: str) -> None:
    assert kind_of(word) == kind


@pytest.mark.parametrize(
    ("word", "guess", "hint"),
    [
        ("genrators", "'generators'", "ganzoo list generators"),
        ("los", "'losses'", "ganzoo list losses"),
        ("xyz", "", "ganzoo list   # counts every kind"),
    ],
)
def test_a_misspelt_kind_names_its_neighbour(word: str, guess: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"called '{word}'.*{guess}") as caught:
        kind_of(word)
    assert caught.value.hint == hint
