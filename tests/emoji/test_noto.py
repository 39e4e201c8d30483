"""Emoji by Unicode's groups. Counts: emoji-test.txt of Unicode 15.0, fully qualified emoji without
U+200D, U+1F3FB to U+1F3FF and tags, less eight territories with another country's flag.
"""

from pathlib import Path

import pytest
import torch
from ganzoo_emoji import noto
from ganzoo_emoji.noto import NAMES, PICTURES, Noto, rows
from PIL import Image

from ganzoo.errors import DataError
from ganzoo.testing import conformance

COUNTS = {
    "Smileys & Emotion": 160,
    "People & Body": 156,
    "Animals & Nature": 148,
    "Food & Drink": 133,
    "Travel & Places": 218,
    "Activities": 85,
    "Objects": 261,
    "Symbols": 223,
    "Flags": 255,
}

test_conformance = pytest.mark.slow(conformance("emoji/*"))


def picture(name: str) -> torch.Tensor:
    """Return a picture of the sheet, uint8 (3, 32, 32), found by its name there."""
    place = [row[2] for row in rows()].index(name)
    left, top = place % 40 * 32, place // 40 * 32
    with Image.open(PICTURES) as sheet:
        pixels = sheet.convert("RGB").crop((left, top, left + 32, top + 32)).tobytes()
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(32, 32, 3).permute(2, 0, 1)


def test_the_classes_are_the_groups_of_unicode_with_as_many_emoji() -> None:
    data = Noto("train")
    assert data.spec.class_names == tuple(COUNTS)
    both = sum(Noto(split).tensors()[1].bincount(minlength=9) for split in ("train", "test"))
    assert both.tolist() == list(COUNTS.values())


def test_a_fifth_of_every_class_is_held_out() -> None:
    assert (len(Noto("train")), len(Noto("test"))) == (1314, 325)
    held_out = Noto("test").tensors()[1].bincount(minlength=9)
    assert held_out.tolist() == [count // 5 for count in COUNTS.values()]


def test_no_two_pictures_are_the_same_in_whatever_split() -> None:
    images = torch.cat([Noto(split).tensors()[0] for split in ("train", "test")])
    assert len({image.numpy().tobytes() for image in images}) == len(images) == 1639


def test_no_emoji_is_joined_from_others_or_has_a_skin_tone() -> None:
    for codes, _, name in rows():
        points = [int(code, 16) for code in codes.split()]
        assert 0x200D not in points, name
        assert not any(0x1F3FB <= point <= 0x1F3FF for point in points), name
        assert not any(0xE0000 <= point <= 0xE007F for point in points), name


def test_the_pictures_are_of_what_their_names_say() -> None:
    japan = picture("flag: Japan").float()
    disc = japan[:, 14:18, 14:18].mean((1, 2))
    assert disc.tolist() == pytest.approx([190, 10, 50], abs=30)
    assert picture("grinning face").float()[:, 4:8, 14:18].mean((1, 2)).tolist() == pytest.approx(
        [252, 205, 60], abs=30
    )
    corners = [japan[:, row, column] for row in (0, 31) for column in (0, 31)]
    assert all(corner.tolist() == [255, 255, 255] for corner in corners)


def test_the_first_samples_are_the_first_pictures_of_the_sheet() -> None:
    names = [row[2] for row in rows()]
    image, label = Noto("train")[0]
    assert label == 0
    assert torch.equal(image, picture(names[0]))
    assert torch.equal(Noto("test")[0][0], picture(names[4]))
    assert torch.equal(Noto("train")[-1][0], picture(names[-2]))
    assert torch.equal(Noto("test")[-1][0], picture(names[-1]))


def test_a_file_that_is_changed_or_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for original in (NAMES, PICTURES):
        other = tmp_path / original.name
        other.write_bytes(original.read_bytes()[:-1])
        monkeypatch.setitem(noto.SHA256, other, noto.SHA256[original])
        with pytest.raises(DataError, match=f"{other.name} is not the expected file") as raised:
            noto.verified(other)
        assert raised.value.hint == "pip install --force-reinstall ganzoo-emoji"
        other.unlink()
        with pytest.raises(DataError, match="cannot be read: No such file"):
            noto.verified(other)


def test_an_unknown_split_is_an_error_that_names_the_splits() -> None:
    with pytest.raises(DataError, match="no split 'extractor'; it has train, test"):
        Noto("extractor")


def test_the_licences_lie_beside_the_data_and_the_data_is_small() -> None:
    folder = PICTURES.parent
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text()
    assert "Copyright 2022 Unicode, Inc." in (folder / "UNICODE.txt").read_text()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3_000_000
