"""For developers: the same weights in torch-fidelity's network give the same features.

Its module for Inception is read by path, because the package as a whole needs torchvision:

    pip install --no-deps --target DIR torch-fidelity==0.4.0
    TORCH_FIDELITY=DIR pytest tests/zoo/test_inception_parity.py
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

TORCH_FIDELITY = os.environ.get("TORCH_FIDELITY")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        TORCH_FIDELITY is None, reason="TORCH_FIDELITY names no directory with torch-fidelity"
    ),
]


@pytest.fixture
def theirs(weights: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    package = ModuleType("torch_fidelity")
    package.__path__ = [str(Path(TORCH_FIDELITY or "") / "torch_fidelity")]
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    for name in [name for name in sys.modules if name.startswith("torch_fidelity.")]:
        monkeypatch.delitem(sys.modules, name)
    return module.FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )


def test_features_and_logits_are_those_of_torch_fidelity(
    theirs: nn.Module, toys: SimpleNamespace, weights: Path
) -> None:
    images = toys.images(4, size=299)
    ours = toys.extractor(weights)(weights=weights)
    with torch.inference_mode():
        expected_features, expected_logits = theirs(images)
        features = ours(images.float())
        logits = ours.class_logits(features)
    assert toys.relative(features, expected_features) < 1e-5
    assert toys.relative(logits, expected_logits) < 1e-5
