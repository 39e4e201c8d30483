"""What is refused by its metadata alone is not imported."""

import sys
from pathlib import Path

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry import Registry
from tests.registry.plugins import named, only, source


@pytest.mark.parametrize("group", ["ganzoo.v2", "ganzoo.v0"])
def test_a_plugin_for_another_api_version_is_listed_and_not_imported(
    group: str, install_plugin
) -> None:
    install_plugin("ganzoo-acme", source(), group=group, acme="ganzoo_acme")
    acme = only("acme")
    assert acme.status == "incompatible"
    assert acme.error == f"made for {group}; this ganzoo loads ganzoo.v1"
    assert "ganzoo_acme" not in sys.modules
    with pytest.raises(PluginError, match="is incompatible: made for"):
        Registry().get("generator", "acme/ladder")


def test_two_distributions_with_one_namespace_are_both_refused_and_both_named(
    install_plugin,
) -> None:
    install_plugin("ganzoo-acme", source(), version="1.0", acme="ganzoo_acme")
    install_plugin("acme-gans", source("acme_gans"), version="3.1", acme="acme_gans")
    rivals = named(Registry(), "acme")
    assert [rival.status for rival in rivals] == ["clash", "clash"]
    for rival in rivals:
        assert "ganzoo-acme 1.0" in str(rival.error)
        assert "acme-gans 3.1" in str(rival.error)
    assert not {"ganzoo_acme", "acme_gans"} & set(sys.modules)
    with pytest.raises(PluginError, match=r"refused: acme-gans 3\.1 and ganzoo-acme 1\.0 both"):
        Registry().get("generator", "acme/ladder")


def test_only_ganzoo_zoo_may_be_the_zoo_and_it_keeps_working(install_plugin) -> None:
    install_plugin("not-the-zoo", source("not_zoo"), zoo="not_zoo")
    rivals = {each.distribution: each for each in named(Registry(), "zoo")}
    assert rivals["not-the-zoo"].status == "clash"
    assert rivals["ganzoo-zoo"].status == "ok"
    assert "not_zoo" not in sys.modules
    assert Registry().get("generator", "dcgan").distribution == "ganzoo-zoo"


def test_a_distribution_visible_twice_counts_once_and_the_first_on_the_path_wins(
    install_plugin,
) -> None:
    install_plugin("ganzoo_acme", source(), version="1.0", acme="ganzoo_acme")
    install_plugin("ganzoo-acme", source(), version="2.0", acme="ganzoo_acme")
    acme = only("acme")
    assert (acme.version, acme.status) == ("2.0", "ok")


def test_the_zoo_is_known_by_every_spelling_of_its_distribution(install_plugin) -> None:
    install_plugin("Ganzoo_Zoo", source("ganzoo_acme"), version="9", zoo="ganzoo_acme")
    zoo = only("zoo")
    assert (zoo.version, zoo.origin, zoo.status) == ("9", "bundled", "ok")


def test_a_distribution_has_one_namespace(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), acme="ganzoo_acme", acme2="ganzoo_acme")
    assert only("acme").status == only("acme2").status == "broken"
    assert "'acme', 'acme2'" in str(only("acme").error)


def test_the_local_namespace_is_reserved_for_files(install_plugin) -> None:
    install_plugin("ganzoo-local", source(), local="ganzoo_acme")
    assert only("local").status == "clash"


def test_a_namespace_obeys_the_rules_for_names(install_plugin) -> None:
    install_plugin("ganzoo-acme", source(), Acme_1="ganzoo_acme")
    assert only("Acme_1").status == "broken"
    assert "ganzoo_acme" not in sys.modules


def test_damaged_metadata_of_other_distributions_is_ignored(install_plugin, tmp_path: Path) -> None:
    site = install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    (site / "other-1.dist-info").mkdir()
    (site / "other-1.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe ganzoo.v1")
    assert only("acme").status == "ok"


def test_entry_points_that_cannot_be_read_are_listed_as_broken(install_plugin) -> None:
    site = install_plugin("ganzoo-acme", source(), acme="ganzoo_acme")
    (site / "ganzoo_acme-1.0.dist-info" / "entry_points.txt").write_text("[ganzoo.v1]\nacme\n")
    broken = only("ganzoo-acme")
    assert broken.status == "broken"
    assert "entry_points.txt" in str(broken.error)


@pytest.mark.parametrize("value", ["", ": : ;", "os; rm", "ganzoo_acme:"])
def test_an_entry_point_that_names_no_module_is_broken_and_not_imported(
    value: str, install_plugin
) -> None:
    install_plugin("ganzoo-acme", {}, acme=value)
    acme = only("acme")
    assert acme.status == "broken"
    assert str(acme.error).startswith(f"its entry point {value!r} is not a module")
    assert acme.hint == "pip uninstall ganzoo-acme, and tell its author"


def test_leftovers_of_an_interrupted_installation_are_broken_and_affect_no_other_plugin(
    install_plugin,
) -> None:
    for name in ("ganzoo-acme", "ganzoo-beta"):
        site = install_plugin(name, {}, acme="ganzoo_gone")
        (site / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA").unlink()
    install_plugin("ganzoo-whole", source(), acme="ganzoo_acme")
    whole, *left = named(Registry(), "acme")
    assert (whole.distribution, whole.status) == ("ganzoo-whole", "ok")
    assert [each.status for each in left] == ["broken", "broken"]
    assert "METADATA is missing" in str(left[0].error)
