"""What cannot be scored is one clear error, whoever made the samples."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo.errors import GanzooError
from ganzoo.training.external_scores import score_against

Make = Callable[[Path], Path]
RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (12, 1, 8, 8), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 3, 8, 8), dtype=np.uint8)


def npz(array: np.ndarray) -> Make:
    def make(place: Path) -> Path:
        np.savez(place / "samples.npz", samples=array)
        return place / "samples.npz"

    return make


def pictures(array: np.ndarray, suffixes: tuple[str, ...] = (".png",)) -> Make:
    def make(place: Path) -> Path:
        folder = place / "pictures"
        folder.mkdir()
        for number, picture in enumerate(array):
            suffix = suffixes[number % len(suffixes)]
            rows = picture.transpose(1, 2, 0).squeeze()
            Image.fromarray(rows).save(folder / f"{number}{suffix}")
        return folder

    return make


def torn(make: Make, name: str = "") -> Make:
    def tear(place: Path) -> Path:
        path = make(place)
        file = path / name if name else path
        file.write_bytes(file.read_bytes()[:60])
        return path

    return tear


def points_with(value: float) -> np.ndarray:
    points = RANDOM.random((12, 2), dtype=np.float32)
    points[3, 1] = value
    return points


@pytest.mark.parametrize(
    ("make", "against", "said"),
    [
        (
            npz(points_with(np.nan)),
            "gaussians",
            "1 of 12 samples hold .* not finite, the first is sample 3",
        ),
        (
            npz(points_with(np.inf)),
            "gaussians",
            "1 of 12 samples hold .* not finite, the first is sample 3",
        ),
        (npz(GREY[:1]), "digits", "holds one sample, and a score needs two"),
        (npz(GREY[:0]), "digits", "holds no samples, and a score needs two"),
        (npz(COLOUR), "digits", "holds colour pictures, and the reference grey ones"),
        (
            npz(COLOUR.transpose(0, 2, 3, 1)),
            "digits",
            "holds colour pictures, and the reference grey ones",
        ),
        (pictures(COLOUR), "digits", "holds colour pictures, and the reference grey ones"),
        (npz(GREY.repeat(2, 2)), "digits", r"shape \(1, 16, 8\), the reference \(1, 8, 8\)"),
        (npz(GREY / np.float32(255)), "digits", "float32, not uint8; its values are from 0 to 1"),
        (pictures(GREY[:0]), "digits", "there are no pictures in"),
        (pictures(GREY, (".png", ".jpg", ".jpeg")), "digits", "holds JPEG and PNG pictures"),
        (torn(npz(GREY)), "digits", "is not an npz file, or the end of it is missing"),
        (torn(pictures(GREY), "3.png"), "digits", r"1 of 12 pictures in .* cannot be read: 3.png"),
        (lambda place: place / "nothing", "digits", "there is no"),
    ],
)
def test_wrong_samples_are_one_clear_error(
    make: Make, against: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(GanzooError, match=said) as caught:
        score_against(make(tmp_path), against, {})
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_pictures_of_several_sizes_are_refused(tmp_path: Path) -> None:
    folder = pictures(GREY)(tmp_path)
    Image.fromarray(GREY[0, 0, :7]).save(folder / "3.png")
    with pytest.raises(GanzooError, match="differ in size"):
        score_against(folder, "digits", {})


@pytest.mark.parametrize(
    ("samples", "reference", "said"),
    [
        (GREY, COLOUR, "holds grey pictures, and the reference colour ones"),
        (COLOUR, GREY, "holds colour pictures, and the reference grey ones"),
    ],
)
@pytest.mark.parametrize("make", [npz, pictures])
def test_grey_pictures_and_colour_ones_are_never_scored_together(
    samples: np.ndarray, reference: np.ndarray, said: str, make: Any, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    real = pictures(reference)(tmp_path / "real")
    with pytest.raises(GanzooError, match=said) as caught:
        score_against(make(samples)(tmp_path), str(real), {}, extractor="pixels")
    assert caught.value.hint


def test_grey_pictures_are_scored_against_grey_ones(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = pictures(GREY)(tmp_path / "real")
    score = score_against(pictures(GREY[::-1])(tmp_path), str(real), {}, extractor="pixels")
    assert score.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("names", [("arr_0", "arr_1"), ("images", "classes"), ("samples", "x")])
def test_an_npz_may_hold_labels_beside_its_samples(names: tuple[str, str], tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", **{names[0]: GREY, names[1]: np.arange(len(GREY))})
    assert score_against(tmp_path / "own.npz", "digits", {}).value == pytest.approx(
        score_against(npz(GREY)(tmp_path), "digits", {}).value
    )


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "holds no array"),
        ({"a": GREY, "b": GREY}, "holds a, b; which are the samples?"),
        ({"a": np.array([{}], dtype=object)}, "cannot be read: it holds Python objects"),
        ({"samples": GREY.astype(str)}, "holds no numbers"),
    ],
)
def test_an_npz_without_samples_says_what_it_holds(
    arrays: dict[str, np.ndarray], said: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "samples.npz", **arrays)
    with pytest.raises(GanzooError, match=said) as caught:
        score_against(tmp_path / "samples.npz", "digits", {})
    assert caught.value.hint


def test_an_array_without_a_name_is_no_reference(tmp_path: Path) -> None:
    file = tmp_path / "samples.npy"
    np.save(file, GREY)
    with pytest.raises(GanzooError, match="holds arrays, and samples are scored against") as caught:
        score_against(npz(GREY)(tmp_path), str(file), {}, extractor="pixels")
    assert caught.value.hint == "save them as PNG in a folder, and name that"


def test_advice_on_a_reference_is_what_the_command_takes(tmp_path: Path) -> None:
    folder = pictures(GREY)(tmp_path)
    Image.fromarray(GREY[0, 0, :7]).save(folder / "3.png")
    with pytest.raises(GanzooError, match="differ in size") as caught:
        score_against(npz(COLOUR)(tmp_path), str(folder), {}, extractor="pixels")
    assert caught.value.hint == "size=64"


def test_an_empty_reference_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    samples = npz(COLOUR)(tmp_path)
    with pytest.raises(GanzooError, match="there are no pictures in"):
        score_against(samples, str(tmp_path / "empty"), {}, extractor="pixels")


def test_a_mixed_reference_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = pictures(COLOUR, (".png", ".jpg"))(tmp_path / "real")
    with pytest.raises(GanzooError, match="holds JPEG and PNG pictures together") as caught:
        score_against(npz(COLOUR)(tmp_path), str(real), {}, extractor="pixels")
    assert caught.value.hint


@pytest.mark.parametrize("archive", [False, True])
def test_a_format_is_recognized_by_content_and_not_by_name(archive: bool, tmp_path: Path) -> None:
    path = pictures(GREY)(tmp_path)
    Image.fromarray(GREY[0, 0]).save(path / "3.png", format="JPEG")
    if archive:
        path = Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", path))
    with pytest.raises(GanzooError, match="holds JPEG and PNG pictures together"):
        score_against(path, "digits", {})


@pytest.mark.parametrize("archive", [False, True])
def test_what_is_hidden_or_no_picture_has_no_format(archive: bool, tmp_path: Path) -> None:
    path = pictures(GREY)(tmp_path)
    for name in ("paper.pdf", ".thumbnail.jpg", "__MACOSX/3.jpg", ".cache/3.jpg"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"anything")
    if archive:
        path = Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", path))
    assert score_against(path, "digits", {}).protocol.n_fake == len(GREY)


@pytest.mark.parametrize(
    "against", ["./nothing", "a/b/nothing", "nothing.zip", "nothing.npz", "there/nothing"]
)
def test_a_reference_that_can_only_be_a_path_is_not_searched_among_data_sets(
    against: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    with pytest.raises(GanzooError, match=f"there is no {against}"):
        score_against(npz(GREY)(tmp_path), against, {})


@pytest.mark.parametrize(
    "array",
    [
        GREY[:, 0],
        GREY.transpose(0, 2, 3, 1),
        GREY.repeat(3, 1),
        GREY.repeat(3, 1).transpose(0, 2, 3, 1),
    ],
    ids=["NHW", "NHW1", "N3HW", "NHW3"],
)
def test_grey_arrays_score_alike_in_every_layout(array: np.ndarray, tmp_path: Path) -> None:
    expected = score_against(npz(GREY)(tmp_path), "digits", {}).value
    assert score_against(npz(array)(tmp_path), "digits", {}).value == pytest.approx(expected)
    (tmp_path / "real").mkdir()
    real = pictures(GREY)(tmp_path / "real")  # a folder is read as RGB
    score = score_against(npz(array)(tmp_path), str(real), {}, extractor="pixels")
    assert score.value == pytest.approx(0, abs=1e-9)


def test_an_npz_is_read_in_either_byte_order_and_whatever_the_case_of_its_name(
    tmp_path: Path,
) -> None:
    points = RANDOM.random((12, 2), dtype=np.float32)
    little = score_against(npz(points)(tmp_path), "gaussians", {}).value
    file = npz(points.astype(">f4"))(tmp_path).rename(tmp_path / "BIG.NPZ")
    assert score_against(file, "gaussians", {}).value == little


def test_grey_pictures_score_alike_however_they_were_saved(tmp_path: Path) -> None:
    def value(make: Make, name: str) -> Any:
        (tmp_path / name).mkdir()
        return score_against(make(tmp_path / name), "digits", {}).value

    as_array = value(npz(GREY), "array")
    assert value(pictures(GREY), "grey") == pytest.approx(as_array)
    assert value(pictures(GREY.repeat(3, 1)), "colour") == pytest.approx(as_array)
