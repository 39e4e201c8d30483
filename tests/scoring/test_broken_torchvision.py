"""A torchvision, or a torch-fidelity, that cannot be imported stops nothing that needs neither."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
NMS = 'raise RuntimeError("operator torchvision::nms does not exist")'
BROKEN = {
    "torchvision of another torch": {"torchvision": NMS},
    "torch-fidelity without torchvision": {"torch_fidelity": "import torchvision_that_is_away"},
    "both": {"torch_fidelity": "import torchvision", "torchvision": NMS},
}

SCORE = """
import torch
from ganzoo.scoring.frechet import FrechetDistance
metric = FrechetDistance(2)
features = torch.arange(8.0).reshape(4, 2)
metric.update(features, real=True)
metric.update(features + 3, real=False)
print(metric.compute().item())
"""


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that finds broken packages, as pip would install them."""
    for name, source in BROKEN[request.param].items():
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-0.99.dist-info"
        info.mkdir()
        name = name.replace("_", "-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.99\n")
    return os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}


def run(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scoring_works(broken: dict[str, str]) -> None:
    assert float(run(broken, "-c", SCORE)) == pytest.approx(2 * 3**2)


@pytest.mark.parametrize("words", ["--help", "list metrics"])
def test_the_command_works(words: str, broken: dict[str, str]) -> None:
    assert run(broken, "-m", "ganzoo", *words.split())


def test_ganzoo_is_imported_with_all_that_it_exposes(broken: dict[str, str]) -> None:
    run(broken, "-c", "import ganzoo; ganzoo.run, ganzoo.load, ganzoo.Recipe")


def test_torchmetrics_itself_fails_there(broken: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match=r"nms does not exist|torchvision"):
        run(broken, "-c", "import torchmetrics.image.fid")


def test_a_torchvision_that_works_is_not_hidden(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "transforms.py").write_text("")
    (package / "models.py").write_text("resnet50 = VGG16_Weights = vgg16 = None")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    code = "import ganzoo.scoring.frechet, sys; print(sys.modules['torchvision.models'])"
    assert str(tmp_path) in run(environment, "-c", code)


ONCE = """
from ganzoo.scoring.frechet import FrechetDistance
import sys, torchmetrics
assert issubclass(FrechetDistance, torchmetrics.Metric)
assert not {"torchvision", "torch_fidelity"} & {k for k, v in sys.modules.items() if v is None}
"""


def test_torchmetrics_is_imported_once(broken: dict[str, str]) -> None:
    run(broken, "-c", ONCE)
