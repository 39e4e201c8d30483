"""An environment with the core, the zoo, and third-party plugins of all sorts."""

import pytest

from tests.plugins import distributions
from tests.plugins.environment import Environment, build_ours


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("crowd")
    environment = Environment(folder / "environment")
    strangers = [
        distributions.well("acme"),
        *(trouble.distribution for trouble in distributions.TROUBLES.values()),
        distributions.SLOW,
        distributions.EAGER,
        distributions.EAGER_TOO,
        distributions.LOOSE,
    ]
    wheels = [each.wheel(folder / "wheels") for each in strangers]
    editable = distributions.SEEN_TWICE.editable(folder / "editable", folder / "source")
    environment.install(*build_ours(folder / "dist"), *wheels, editable)
    behind = folder / "behind"
    environment.install(distributions.SEEN_BEFORE.wheel(folder / "wheels"), to=behind)
    environment.see(behind)
    return environment
