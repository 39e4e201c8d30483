"""A folder of sounds of the user's own, from `new recipe --data` to new wav files at its rate."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from ganzoo_audio.datasets.waves import Waves

from ganzoo.api import OwnData
from ganzoo.cli import main


@pytest.mark.slow
def test_new_sounds_have_the_rate_and_length_of_most_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for index in range(30):
        rate, seconds = ((11025, 0.1), (11025, 0.12), (8000, 0.3))[index % 3]
        time = np.arange(int(rate * seconds)) / rate
        samples = 0.5 * np.sin(2 * np.pi * random.uniform(200, 900) * time)
        place = Path("sounds", ("bell", "horn")[index % 2], f"{index}.wav")
        place.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(place, samples if index % 5 else np.stack([samples] * 2, 1), rate)
    Path("sounds/bell/list.txt").write_text("bells")
    assert main(["new", "recipe", "mine", "--data", "sounds"]) == 0
    recipe = yaml.safe_load(Path("mine.yaml").read_text())
    assert recipe["dataset"]["sample_rate"] == 11025
    assert recipe["dataset"]["clip_samples"] == 1024
    assert recipe["conditional"]
    capsys.readouterr()
    assert main(["check", "mine.yaml", "--data"]) == 0
    said = capsys.readouterr()
    assert "1 file is no sound" in said.out + said.err
    small = ["train.steps=3", "train.batch_size=4", "train.discriminator_steps=1"]
    assert main(["run", "mine.yaml", *small, "eval.metrics=[]"]) == 0
    assert main(["sample", "last", "--count", "3", "--label", "horn", "--out", "new"]) == 0
    files = sorted(Path("new").iterdir())
    assert [file.name for file in files] == ["000000.wav", "000001.wav", "000002.wav"]
    for file in files:
        samples, rate = soundfile.read(file)
        assert (rate, samples.shape) == (11025, (1024,))
        assert np.abs(samples).max() > 0
    capsys.readouterr()
    assert main(["report", "last"]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text()
    assert "<audio" in page


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, {"extractor": None}), (3, {"samples": 64}), (8, {"metrics": ["density-coverage"]})],
)
def test_a_recipe_for_few_sounds_scores_what_can_be_scored(
    tmp_path: Path, count: int, expected: dict
) -> None:
    for number in range(count):
        soundfile.write(tmp_path / f"{number}.wav", np.sin(np.arange(1500) * 0.1), 8000)
    recipe = yaml.safe_load(Waves.new_recipe(OwnData(tmp_path, "sounds", None, str)).body)
    assert expected.items() <= recipe["eval"].items()
    assert ("metrics" in recipe["eval"]) == (count > 5)


def test_no_share_is_held_out_of_sounds_with_splits_of_their_own(tmp_path: Path) -> None:
    for number in range(60):
        file = tmp_path / ("train" if number < 50 else "test") / f"{number}.wav"
        file.parent.mkdir(exist_ok=True)
        soundfile.write(file, np.sin(np.arange(1500) * 0.1), 8000)
    recipe = yaml.safe_load(Waves.new_recipe(OwnData(tmp_path, "sounds", None, str)).body)
    assert "holdout" not in recipe["dataset"]
