"""A third party's wheel from installation to removal, while broken ones are installed too."""

import json
from pathlib import Path

import pytest

from tests.plugins.distributions import well
from tests.plugins.environment import Environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return well("beta", version="1.2").wheel(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def run(crowd: Environment, wheel: Path) -> str:
    """The run of the recipe that the wheel packages."""
    crowd.install(wheel)
    return crowd.ganzoo("run", "beta/digits").stdout.strip()


def test_what_is_installed_is_listed(crowd: Environment, run: str) -> None:
    plugins = json.loads(crowd.ganzoo("plugins", "--json", GANZOO_PLUGINS="zoo,beta").stdout)
    (beta,) = [each for each in plugins if each["status"] == "ok" and each["namespace"] != "zoo"]
    assert (beta["distribution"], beta["version"]) == ("ganzoo-beta", "1.2")
    assert beta["components"] == {"losses": 1, "recipes": 1}
    recipes = crowd.ganzoo("list", "recipes", "beta/*", GANZOO_PLUGINS="zoo,beta").stdout
    assert recipes.splitlines()[1] == "beta/digits  a few steps with another's loss"
    about = crowd.ganzoo("info", "beta/flat").stdout
    assert "from: ganzoo-beta 1.2, ganzoo_beta.losses:Flat" in about
    assert "factor     float  1.0" in about


def test_it_is_run_scored_and_compared(crowd: Environment, run: str) -> None:
    lock = (crowd.workplace / run / "recipe.lock.yaml").read_text()
    assert "use: beta/flat" in lock
    assert "distribution: ganzoo-beta" in lock
    score = json.loads(crowd.ganzoo("score", run, "eval.final_samples=32", "--json").stdout)
    assert score["protocol"]["n_fake"] == 32
    table = json.loads(crowd.ganzoo("compare", run, "--format", "json").stdout)
    assert "beta-digits" in json.dumps(table)


def test_without_it_a_run_says_what_to_install_and_goes_on_once_it_is(
    crowd: Environment, run: str, wheel: Path
) -> None:
    crowd.uninstall("ganzoo-beta")
    crowd.ganzoo("sample", run)  # needs no loss
    message, hint = crowd.ganzoo("score", run, expect=2).stderr.splitlines()
    crowd.install(wheel)
    place, slot, what = message.split("  ")
    assert place.startswith(f"{run}/recipe.lock.yaml:")
    assert slot == "loss.use"
    assert what == "no loss 'beta/flat': no plugin with the namespace 'beta' is installed"
    assert hint == "try: pip install ganzoo-beta==1.2"
    crowd.ganzoo("score", run, "eval.final_samples=32")


LOCAL = """
from ganzoo.api import hookimpl

class Flat:
    def discriminator(self, game):
        return {"gap": game.fake_logits.mean() - game.real_logits.mean()}

    def generator(self, game):
        return {"fake": -game.fake_logits.mean()}

@hookimpl
def register_losses(register):
    register("flat", "mine:Flat")
"""


def test_a_plugin_file_is_copied_into_the_run_and_its_scores_are_marked(
    crowd: Environment,
) -> None:
    mine = crowd.workplace / "mine.py"
    mine.write_text(LOCAL)
    words = ["acme/digits", "loss=local/flat", "--plugin", "mine.py", "--name", "mine"]
    run = crowd.workplace / crowd.ganzoo("run", *words).stdout.strip()
    assert (run / "plugin.py").read_text() == LOCAL
    assert "local" in crowd.ganzoo("compare", str(run)).stdout
    mine.unlink()
    assert crowd.ganzoo("sample", str(run)).stdout
