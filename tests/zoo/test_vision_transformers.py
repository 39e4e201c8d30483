"""DINOv2 and CLIP out of folders, with random weights; the networks need the package transformers.

Its absence, and folders that hold something else, are tested whether it is installed or not.
``make extras`` installs it in a folder of its own, and ``make test`` includes that.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganzoo_zoo.extractors.vision_transformers import Clip, Dinov2
from ganzoo_zoo.networks import projected
from safetensors.torch import load_file, save_file

from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.errors import DataError, PluginError
from ganzoo.scoring.features import dtype_of

TINY: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZE = 28
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@pytest.fixture
def transformers() -> Any:
    reason = "the package transformers is an extra, and is not installed"
    return pytest.importorskip("transformers", reason=reason)


@pytest.fixture
def dinov2(transformers: Any, tmp_path: Path) -> Path:
    config = transformers.Dinov2Config(**TINY, image_size=42, patch_size=14)
    transformers.Dinov2Model(config).save_pretrained(tmp_path / "dinov2")
    return tmp_path / "dinov2"


@pytest.fixture
def clip(transformers: Any, tmp_path: Path) -> Path:
    """Both halves, as the public folders have them."""
    vision = TINY | {"intermediate_size": 32, "image_size": SIZE, "patch_size": 14}
    text = TINY | {"intermediate_size": 32, "vocab_size": 50000}
    config = transformers.CLIPConfig(vision_config=vision, text_config=text, projection_dim=12)
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")
    return tmp_path / "clip"


def pictures(count: int) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 255


def scaled(x: torch.Tensor, mean: Any, std: Any) -> torch.Tensor:
    return (x / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def test_dinov2s_features_are_its_class_token_after_the_norm(
    transformers: Any, dinov2: Path
) -> None:
    made = Dinov2(path=dinov2, size=SIZE)
    x = pictures(3)
    network = transformers.Dinov2Model.from_pretrained(dinov2).eval()
    with torch.inference_mode():
        expected = network(scaled(x, MEAN, STD)).pooler_output
        torch.testing.assert_close(made(x), expected)
    assert (made.num_features, made.input_shape) == (16, (3, SIZE, SIZE))
    assert made.layer.startswith("class token for (x/255 - [0.485, 0.456, 0.406])/[0.229, ")


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_a_projected_discriminator_sees_the_tokens_of_the_patches_as_maps(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    spec = SampleSpec("image", (3, SIZE, SIZE))
    d = projected.Discriminator(spec, extractor=kind, path=folder, width=4)  # type: ignore[arg-type]
    extractor = d.network.extractor
    x = pictures(2).requires_grad_()
    side = extractor.input_shape[1]
    large = torch.nn.functional.interpolate(x, (side, side), mode="bilinear")
    states = extractor.network(
        pixel_values=extractor.normalised(large), output_hidden_states=True
    ).hidden_states
    maps = d.network(x / 127.5 - 1)
    patches = side // 14
    assert [h.shape[2] for h in maps] == [max(1, patches // 2**level) for level in range(4)]
    # Two layers: the first two maps are of the first, the others of the second.
    first, last = (h[:, 1:].transpose(1, 2) for h in states[1:])
    torch.testing.assert_close(maps[0].flatten(2), first, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(maps[3].mean((2, 3)), last.mean(2), atol=1e-4, rtol=1e-4)
    d(x / 127.5 - 1).logits.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_clips_features_are_its_projected_image_embedding(transformers: Any, clip: Path) -> None:
    made = Clip(path=clip)
    x = pictures(3)
    network = transformers.CLIPModel.from_pretrained(clip).eval()
    with torch.inference_mode():
        hidden = network.vision_model(scaled(x, CLIP_MEAN, CLIP_STD)).pooler_output
        torch.testing.assert_close(made(x), network.visual_projection(hidden))
    assert (made.num_features, made.input_shape) == (12, (3, SIZE, SIZE))


def test_weights_with_another_hash_are_refused(dinov2: Path) -> None:
    own = sha256((dinov2 / "model.safetensors").read_bytes()).hexdigest()
    assert Dinov2(path=dinov2, sha256=own).weights_sha256 == own
    with pytest.raises(DataError, match=f"than is meant: sha256 {own}, not {'0' * 64}"):
        Dinov2(path=dinov2, sha256="0" * 64)


def test_the_protocol_knows_a_configuration_that_changes_the_network(dinov2: Path) -> None:
    before = Dinov2(path=dinov2).layer
    file = dinov2 / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"transformers_version": "99"}))
    assert Dinov2(path=dinov2).layer == before
    file.write_text(json.dumps(config | {"layer_norm_eps": 0.1}))
    assert Dinov2(path=dinov2).layer != before


def test_half_precision_weights_are_computed_in_float32(dinov2: Path) -> None:
    file = dinov2 / "model.safetensors"
    halves = {name: weight.half() for name, weight in load_file(file).items()}
    save_file(halves, file, metadata={"format": "pt"})
    config = json.loads((dinov2 / "config.json").read_text()) | {"dtype": "float16"}
    (dinov2 / "config.json").write_text(json.dumps(config))
    made = Dinov2(path=dinov2, size=SIZE)
    assert dtype_of(made) == "float32"
    assert made(pictures(2)).dtype == torch.float32


def test_a_missing_weight_is_an_error_and_never_a_random_number(dinov2: Path) -> None:
    file = dinov2 / "model.safetensors"
    weights = load_file(file)
    del weights["layernorm.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(DataError, match="lacks 1 of the network's weights, the first layernorm"):
        Dinov2(path=dinov2)


def test_a_damaged_file_gives_a_one_line_error(dinov2: Path) -> None:
    file = dinov2 / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read by transformers") as raised:
        Dinov2(path=dinov2)
    assert "\n" not in raised.value.message


def test_building_one_draws_no_random_number_and_prints_nothing(
    clip: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = torch.get_rng_state()
    capfd.readouterr()
    Clip(path=clip)
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")


def test_a_score_by_one_is_never_called_fid(
    dinov2: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from PIL import Image

    generator = torch.Generator().manual_seed(0)
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for number in range(4):
            pixels = torch.randint(256, (8, 8, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(tmp_path / side / f"{number}.png")
    extractor = f"{{use: dinov2, path: {dinov2}, size: {SIZE}}}"
    words = ["score", str(tmp_path / "a"), "--against", str(tmp_path / "b")]
    assert main([*words, "--extractor", extractor]) == 0, capsys.readouterr().err
    assert "FD(dinov2) 4" in capsys.readouterr().out


# --- without the package ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"model_type": "dinov2", "patch_size": 14}')
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    return tmp_path


def test_without_the_package_the_error_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PluginError, match="needs the package transformers: ") as raised:
        Dinov2(path=folder)
    assert raised.value.hint == "pip install 'ganzoo-zoo[transformers]'"


def test_a_package_that_cannot_read_the_folder_is_quoted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def configuration(path: Path, **options: Any) -> Any:
        asked.append(options)
        return SimpleNamespace(model_type="dinov2")

    def from_pretrained(path: Path, **options: Any) -> None:
        asked.append(options)
        raise OSError("no such\n  header")

    level = ["info"]
    logging = SimpleNamespace(
        get_verbosity=lambda: level[-1],
        set_verbosity=level.append,
        set_verbosity_error=lambda: level.append("error"),
        is_progress_bar_enabled=lambda: False,
        disable_progress_bar=lambda: None,
    )
    fake = SimpleNamespace(
        AutoConfig=SimpleNamespace(from_pretrained=configuration),
        AutoModel=SimpleNamespace(from_pretrained=from_pretrained),
        utils=SimpleNamespace(logging=logging),
    )
    monkeypatch.setitem(sys.modules, "transformers", fake)
    with pytest.raises(DataError, match=r"cannot be read by transformers: no such header$"):
        Dinov2(path=folder)
    assert level[-1] == "info"
    assert asked[0] == {"local_files_only": True, "trust_remote_code": False}
    assert asked[1]["local_files_only"]
    assert asked[1]["use_safetensors"]


@pytest.mark.parametrize(
    ("kind", "harm", "said"),
    [
        (Clip, lambda f: None, "holds a dinov2, not a clip or a clip_vision_model"),
        (
            Dinov2,
            lambda f: (f / "config.json").unlink(),
            "is not the folder of a model: config.json: ",
        ),
        (Dinov2, lambda f: (f / "config.json").write_text("[1]"), "is no configuration"),
        (Dinov2, lambda f: (f / "config.json").write_text("{"), "is no configuration of a model"),
        (Dinov2, lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors, and"),
    ],
)
def test_a_folder_of_another_model_is_named_in_the_error(
    kind: type, harm: Any, said: str, folder: Path
) -> None:
    harm(folder)
    with pytest.raises(DataError, match=said) as raised:
        kind(path=folder)
    assert str(folder) in raised.value.message


def test_a_size_that_the_patches_do_not_divide_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="no multiple of the patches of 14 pixels"):
        Dinov2(path=folder, size=32)
