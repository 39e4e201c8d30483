"""Networks from files: features are those of the saved network, and another file is never used."""

import warnings
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.extractors import programs
from ganzoo_zoo.extractors.programs import Exported, TorchScript
from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.scoring.features import dtype_of

pytestmark = pytest.mark.filterwarnings("ignore:extractor torchscript:FutureWarning")

SIZE = 16
MEAN = (0.5, 0.4, 0.3)
STD = (0.2, 0.25, 0.5)


def network(out: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.Dropout(0.5), out)


def pooled() -> nn.Module:
    return network(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def as_script(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.(script|save)` is deprecated")
        torch.jit.save(torch.jit.script(module), path)


def as_program(module: nn.Module, path: Path, images: int | None = None) -> None:
    """Export for any number of images, or for just so many."""
    shapes = None if images else [{0: torch.export.Dim.AUTO}]
    example = torch.zeros(images or 2, 3, SIZE, SIZE)
    exported = torch.export.export(module.eval(), (example,), dynamic_shapes=shapes)
    torch.export.save(exported, path)


KINDS = [(TorchScript, as_script, "net.pt"), (Exported, as_program, "net.pt2")]
kinds = pytest.mark.parametrize(("kind", "save", "name"), KINDS, ids=["script", "exported"])


def hash_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@kinds
def test_features_are_those_of_the_network_that_was_saved(
    kind: type, save, name: str, tmp_path: Path
) -> None:
    save(pooled(), tmp_path / name)
    made = kind(
        path=tmp_path / name, sha256=hash_of(tmp_path / name), size=SIZE, mean=MEAN, std=STD
    )
    made.eval().requires_grad_(False).to("cpu")
    x = torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    expected = pooled().eval()((x / 255 - mean) / std)
    with torch.inference_mode():
        torch.testing.assert_close(made(x), expected)
    assert (made.num_features, made.input_shape) == (4, (3, SIZE, SIZE))
    assert made.weights_sha256 == hash_of(tmp_path / name)
    assert dtype_of(made) == "float32"


@kinds
def test_the_protocol_distinguishes_normalisations(
    kind: type, save, name: str, tmp_path: Path
) -> None:
    save(pooled(), tmp_path / name)
    given = {"path": tmp_path / name, "sha256": hash_of(tmp_path / name), "size": SIZE}
    assert kind(**given).layer == "output for (x/255 - [0.0, 0.0, 0.0])/[1.0, 1.0, 1.0]"
    assert kind(**given, mean=MEAN).layer == "output for (x/255 - [0.5, 0.4, 0.3])/[1.0, 1.0, 1.0]"


@kinds
def test_another_file_is_not_used(kind: type, save, name: str, tmp_path: Path) -> None:
    save(pooled(), tmp_path / name)
    with pytest.raises(DataError, match="is not the expected file") as raised:
        kind(path=tmp_path / name, sha256="0" * 64, size=SIZE)
    assert raised.value.hint == f"sha256sum {tmp_path / name}"


@kinds
@pytest.mark.parametrize("content", ["words", "zip"])
def test_a_file_of_another_kind_is_named(
    kind: type, save, name: str, content: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    if content == "zip":
        torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(DataError, match=f"{path} is no "):
        kind(path=path, sha256=hash_of(path), size=SIZE)


@kinds
def test_maps_are_no_features(kind: type, save, name: str, tmp_path: Path) -> None:
    save(network(nn.Identity()), tmp_path / name)
    said = r"gives \(2, 4, 7, 7\) for 2 images, not \(2, features\)"
    with pytest.raises(DataError, match=said):
        kind(path=tmp_path / name, sha256=hash_of(tmp_path / name), size=SIZE)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@kinds
def test_a_pair_is_no_features(kind: type, save, name: str, tmp_path: Path) -> None:
    save(network(Pair()), tmp_path / name)
    with pytest.raises(DataError, match="gives a tuple for 2 images"):
        kind(path=tmp_path / name, sha256=hash_of(tmp_path / name), size=SIZE)


def test_a_program_for_two_images_says_so(tmp_path: Path) -> None:
    as_program(pooled(), tmp_path / "net.pt2", images=2)
    with pytest.raises(DataError, match=r"net.pt2 cannot be run on 3 images of 3x16x16") as raised:
        Exported(path=tmp_path / "net.pt2", sha256=hash_of(tmp_path / "net.pt2"), size=SIZE)
    assert "\n" not in raised.value.message


def test_torchscript_warns_once_and_points_to_exported(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    as_script(pooled(), path)
    programs._warn_of_torchscript.cache_clear()
    given = {"path": path, "sha256": hash_of(path), "size": SIZE}
    with pytest.warns(FutureWarning, match="use the extractor `exported`") as caught:
        TorchScript(**given)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TorchScript(**given)
