"""Which namespaces a new plugin may have."""

import pytest

from ganzoo.errors import UsageError
from ganzoo.registry.names import is_name
from ganzoo.scaffold.plugin import names_of


def test_distribution_and_package_follow_from_the_namespace() -> None:
    names = names_of("my-lab2")
    assert (names.distribution, names.package) == ("ganzoo-my-lab2", "ganzoo_my_lab2")
    assert is_name(names.namespace)
    assert names.package.isidentifier()


@pytest.mark.parametrize(
    ("namespace", "message", "hint"),
    [
        ("core", "the distribution ganzoo-core is ganzoo itself", "my-core"),
        ("zoo", "the namespace 'zoo' belongs to ganzoo-zoo", "my-zoo"),
        ("local", "the namespace 'local' is reserved for --plugin FILE", "my-local"),
        ("a" * 41, "a namespace has at most 40 letters, not 41", "a" * 40),
    ],
)
def test_a_reserved_or_too_long_namespace_is_refused_and_another_is_suggested(
    namespace: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        names_of(namespace)
    assert raised.value.message == message
    assert raised.value.hint == f"ganzoo new plugin {hint} --kind …"
    assert names_of(hint)


@pytest.mark.parametrize(
    ("namespace", "near"),
    [
        ("My_Lab", "my-lab"),
        ("9lives", "lives"),
        ("a--b", "a-b"),
        ("-a", "a"),
        ("a-", "a"),
        ("", "my-lab"),
        ("é", "my-lab"),
        ("../acme", "acme"),
        ("acme\n", "acme"),
        ("Zoo!", "my-zoo"),
        ("9" * 10_000, "my-lab"),
    ],
)
def test_an_invalid_namespace_is_refused_in_one_line_that_suggests_a_valid_one(
    namespace: str, near: str
) -> None:
    with pytest.raises(UsageError, match="is not a namespace") as raised:
        names_of(namespace)
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 200
    assert raised.value.hint == f"ganzoo new plugin {near} --kind …"
    assert names_of(near)
