"""The components of ganzoo-audio keep the contract."""

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ganzoo.testing import conformance

SOUNDS = Path(tempfile.mkdtemp())
"""Two classes of tones, at two rates, one of them in stereo."""
atexit.register(shutil.rmtree, SOUNDS)
for name, rate, channels in (("high", 8000, 1), ("low", 22050, 2)):
    (SOUNDS / name).mkdir()
    for number in range(8):
        tone = np.sin(0.05 * (number + 1) * np.arange(3000))
        soundfile.write(SOUNDS / name / f"{number}.wav", np.stack([tone / 2] * channels, 1), rate)

FOLDER = {"path": str(SOUNDS), "sample_rate": 8000, "clip_samples": 512, "holdout": 0.5}

test_conformance = pytest.mark.slow(
    conformance("audio/*", parameters={"audio/waves": [FOLDER, {**FOLDER, "bins": 64}]})
)
