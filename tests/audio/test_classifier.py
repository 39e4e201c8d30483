"""The classifier of notes, and the balance of the classes that it hears."""

from pathlib import Path

import pytest
import torch
from ganzoo_audio.datasets.notes import Notes
from ganzoo_audio.extractors import note_classifier
from ganzoo_audio.extractors.note_classifier import FILE, NoteClassifier
from ganzoo_audio.metrics.class_balance import ClassBalance
from ganzoo_audio.spectra import spectrograms

from ganzoo.api import DataError, Evaluated


@pytest.mark.parametrize(("rate", "length"), [(4000, 1024), (8000, 2048), (8000, 4096)])
def test_every_held_out_note_is_classified_correctly(rate: int, length: int) -> None:
    clips, labels = Notes("test", length=200, clip_samples=length, sample_rate=rate).tensors()
    classifier = NoteClassifier(sample_rate=rate)
    features = classifier(clips)
    assert features.shape == (200, 64)
    assert torch.equal(classifier.class_logits(features).argmax(1), labels)


def test_notes_are_recognised_from_their_spectrograms() -> None:
    clips, labels = Notes("test", length=100, clip_samples=2048).tensors()
    classifier = NoteClassifier()
    found = classifier.class_logits(classifier(spectrograms(clips, 128))).argmax(1)
    assert (found == labels).float().mean() > 0.98


def test_loudness_does_not_matter() -> None:
    clips, _ = Notes("test", length=10, clip_samples=2048).tensors()
    torch.testing.assert_close(NoteClassifier()(clips), NoteClassifier()(clips / 100))


def test_a_changed_file_of_weights_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(FILE.read_bytes())
    content[-1] ^= 1
    changed = tmp_path / "w.safetensors"
    changed.write_bytes(content)
    monkeypatch.setattr(note_classifier, "FILE", changed)
    with pytest.raises(DataError, match="is not the expected file"):
        NoteClassifier()


def heard(classes: list[int]) -> Evaluated:
    logits = 20 * torch.nn.functional.one_hot(torch.tensor(classes), 4).float()
    return Evaluated(torch.zeros(len(classes), 1), torch.zeros(len(classes), 1), None, logits)


def test_class_balance_is_the_share_of_the_data_that_the_samples_have_too() -> None:
    real = heard([0, 1, 2, 3] * 5)
    assert ClassBalance()(real, heard([3, 2, 1, 0]))["class_balance"] == pytest.approx(1)
    assert ClassBalance()(real, heard([2] * 7))["class_balance"] == pytest.approx(0.25)
    assert ClassBalance()(real, heard([0, 0, 0, 1]))["class_balance"] == pytest.approx(0.5)
    unsure = Evaluated(torch.zeros(3, 1), torch.zeros(3, 1), None, torch.zeros(3, 4))
    found = ClassBalance()(real, unsure)
    assert found["class_confidence"] == pytest.approx(0.25)
    assert found["class_confidence_real"] == pytest.approx(1, abs=1e-6)


def test_class_balance_needs_a_classifier() -> None:
    plain = Evaluated(torch.zeros(2, 1), torch.zeros(2, 1))
    with pytest.raises(DataError, match="needs an extractor with a classifier"):
        ClassBalance()(plain, plain)


def test_sounds_of_the_reference_itself_are_not_held_out() -> None:
    real = heard([0, 1, 2, 3])
    real.splits["test"] = real  # type: ignore[index]
    assert "class_balance_held_out" not in ClassBalance()(real, heard([0]))
    real.splits["test"] = heard([0, 1])  # type: ignore[index]
    assert ClassBalance()(real, heard([0]))["class_balance_held_out"] == pytest.approx(0.5)
