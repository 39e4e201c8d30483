"""The sketches of docs/game.md run, conform, and do what the page says that they do."""

import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, Noise
from ganzoo.testing import conformance
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "game.md").read_text()
SKETCHES, PLAYERS = PAGE.split("## Players of several networks\n")
IMPORTS, *CODE = re.findall(r"```python\n(.*?)```", SKETCHES, re.DOTALL)
PLUGINS = {re.findall(r"^class (\w+)", code, re.MULTILINE)[-1]: code for code in CODE[1:]}
"""The sketches by the last class of each."""
REFERENCE = json.loads((ROOT / "tests" / "zoo" / "losses.json").read_text())
THEIRS = REFERENCE["implementations"]
FOLDER = tempfile.TemporaryDirectory()

for name, code in PLUGINS.items():
    file = Path(FOLDER.name) / f"{name}.py"
    file.write_text(f"{IMPORTS}\n\n{code}")
    globals()[f"test_the_sketch_of_{name}_conforms"] = conformance("local/*", plugin=file)


@pytest.mark.parametrize("method", ["cyclegan", "bigan", "mocogan"])
def test_a_player_of_several_networks_is_a_plugin_that_trains_in_a_test(method: str) -> None:
    blocks = re.findall(r"```(?:python|yaml)\n(.*?)```", PLAYERS, re.DOTALL)
    folder = ROOT / "tests" / "literature" / "methods"
    for file in (f"{method}.py", f"{method}.yaml"):
        assert (folder / file).read_text() in blocks


def test_every_sketch_is_a_plugin() -> None:
    assert len(PLUGINS) == SKETCHES.count("\n### ")
    assert [name for name, code in PLUGINS.items() if "@hookimpl" not in code] == []


@pytest.fixture(scope="module")
def sketches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Return the page's code as a module."""
    file = tmp_path_factory.mktemp("page") / "sketches.py"
    file.write_text("\n\n".join([IMPORTS, *CODE]))
    spec = importlib.util.spec_from_file_location("sketches_of_the_game_page", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_component_is_tried_by_hand_as_the_page_does(sketches: ModuleType) -> None:
    z = torch.rand(8, 6)
    terms = sketches.try_it(Generator(), Discriminator(), torch.randn(8, 1, 4, 4), z)
    assert list(terms) == ["dragan"]


class Generator(nn.Module):
    """Images of 1x4x4 from a latent of 6."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(6, 16)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.body(z).tanh().view(-1, 1, 4, 4)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 7)
        self.heads = nn.ModuleList([nn.Linear(7, 1), nn.Linear(7, 4), nn.Linear(7, 3)])

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = self.body(x.flatten(1)).tanh()
        logits, rotation, code = (head(h) for head in self.heads)
        return DiscriminatorOutput(logits[:, 0], (h,), extra={"rotation": rotation, "code": code})


class Given(nn.Module):
    """D says the number that the sample is."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x[:, 0]


def play(player: str, **more: Any) -> EngineGame:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        real, latents = torch.randn(8, 1, 4, 4), torch.rand(8, 6) * 2 - 1
        networks = (Generator(), Discriminator())
    return EngineGame.of(player, *networks, real=real, latents=latents, **more)


def gradients(game: EngineGame, terms: dict[str, Tensor]) -> list[Tensor | None]:
    """Return the gradients of the player whose update it is."""
    parameters = list(getattr(game, f"{game.player}_module").parameters())
    total = torch.stack(list(terms.values())).sum()
    return list(torch.autograd.grad(total, parameters, allow_unused=True))


@pytest.mark.parametrize(
    ("sketch", "players"),
    [
        ("Dragan", ["discriminator"]),
        ("Consistency", ["discriminator"]),
        ("Rotation", ["discriminator", "generator"]),
        ("Information", ["discriminator", "generator"]),
        ("FeatureMatching", ["discriminator", "generator"]),
    ],
)
def test_a_sketch_moves_the_players_that_it_has_terms_for(
    sketches: ModuleType, sketch: str, players: list[str]
) -> None:
    component = getattr(sketches, sketch)()
    for player in ("discriminator", "generator"):
        assert hasattr(component, player) == (player in players)
    for player in players:
        game = play(player)
        found = gradients(game, getattr(component, player)(game))
        assert found[0] is not None
        assert found[0].isfinite().all()
        assert found[0].abs().sum() > 0


def test_dragan_of_a_linear_critic_knows_its_slope_everywhere(sketches: ModuleType) -> None:
    game = EngineGame.of(
        "discriminator", nn.Identity(), Given(), real=torch.eye(4, 3), latents=torch.zeros(4, 3)
    )
    assert sketches.Dragan().discriminator(game)["dragan"].item() == 0


def test_lecam_is_studiogans_value_and_its_means_follow_the_logits(sketches: ModuleType) -> None:
    real, fake = (torch.tensor(REFERENCE[f"{side}_logits"])[:, None] for side in ("real", "fake"))
    lecam = sketches.LeCam()
    lecam.real.fill_(THEIRS["LeCam"]["ema_D_real"])
    lecam.fake.fill_(THEIRS["LeCam"]["ema_D_fake"])
    identity = Generator()
    identity.forward = lambda z, y=None: z  # type: ignore[method-assign]
    game = EngineGame.of("discriminator", identity, Given(), real=real, latents=fake)
    value = lecam.discriminator(game)["lecam"].item()
    assert value == pytest.approx(THEIRS["LeCam"]["value"], rel=1e-6)
    lecam.after_step(game)
    moved = 0.99 * THEIRS["LeCam"]["ema_D_real"] + 0.01 * real.mean().item()
    assert lecam.real.item() == pytest.approx(moved)
    assert sorted(lecam.state_dict()) == ["fake", "real"]


def test_path_length_is_studiogans_value(sketches: ModuleType) -> None:
    theirs = THEIRS["path_length"]

    class Styled(nn.Module):
        def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
            return z.view(2, 2, 2).requires_grad_()

        def from_styles(self, w: Tensor, *, noise: Noise | None = None) -> Tensor:
            return (w.square().sum(1) @ torch.tensor(theirs["matrix A"]))[..., None, None]

    class Ones(EngineGame):
        def normal(self, name: str, *shape: int) -> Tensor:
            return torch.ones(2, *shape)

    latents = torch.tensor(theirs["ws (batch x 2 x 2)"]).view(2, 4)
    game = Ones.of("generator", Styled(), Given(), real=torch.zeros(2, 1), latents=latents)
    penalty = sketches.PathLength()
    assert penalty.generator(game)["path_length"].item() == pytest.approx(theirs["value"], rel=1e-6)
    assert penalty.mean.item() == pytest.approx(theirs["mean_after"], rel=1e-6)


def test_rotations_are_mimicrys_quarter_turns_against_the_clock(sketches: ModuleType) -> None:
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
            seen.append(x)
            return DiscriminatorOutput(x.sum((1, 2, 3)), extra={"rotation": x.flatten(1)})

    picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    game = EngineGame.of("discriminator", nn.Identity(), Watching(), real=picture, latents=picture)
    sketches.Rotation().discriminator(game)
    turns = THEIRS["rotation"]["[[1,2],[3,4]]"]
    assert seen[0][:, 0].tolist() == [turns[angle] for angle in ("0", "90", "180", "270")]


def test_ada_raises_p_by_one_in_half_a_million_images_of_a_sure_critic(
    sketches: ModuleType,
) -> None:
    augment, game = sketches.AdaptiveFlip(None), play("discriminator")
    assert torch.equal(augment(game.real, game), game.real)
    for expected in (0.4, 0.8, 1.0):
        augment.observe({"real_logits_sign": torch.tensor(0.7), "samples": 200_000})
        assert augment.p.item() == pytest.approx(expected)
    assert torch.equal(augment(game.real, game), game.real.flip(-1))
    augment.observe({"real_logits_sign": torch.tensor(0.5), "samples": 50_000})
    assert augment.p.item() == pytest.approx(0.9)


def test_apa_puts_generated_samples_in_the_place_of_real_ones(sketches: ModuleType) -> None:
    apa, game = sketches.AdaptivePseudo(), play("discriminator", samples_seen=1000)
    assert torch.equal(apa.prepare(game).real, game.real)
    apa.p.fill_(1)
    assert torch.equal(apa.prepare(game).real, game.fake)
    apa.p.fill_(0.5)
    swapped = (apa.prepare(game).real == game.fake).flatten(1).all(1)
    assert torch.equal(swapped, game.uniform("apa") < 0.5)
    apa.after_step(game)
    sure = game.real_logits.sign().mean() > 0.6
    assert apa.p.item() == pytest.approx(0.5 + (0.002 if sure else -0.002))


def test_top_k_keeps_the_best_half_in_the_end(sketches: ModuleType) -> None:
    game = play("generator", samples_seen=10**8)
    chosen = sketches.TopK().prepare(game)
    expected = game.fake_logits.sort(descending=True).values[:4]
    torch.testing.assert_close(chosen.fake_logits, expected)
    torch.testing.assert_close(chosen.generate(chosen.latents), chosen.fake)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_latent_optimisation_climbs_and_both_networks_learn_through_the_climb(
    sketches: ModuleType, player: str
) -> None:
    game = play(player, required=RequiredGradients(generator_graph=True))
    component = sketches.LatentOptimisation()
    climbed = component.prepare(game)
    assert climbed.fake_logits.mean() > game.fake_logits.mean()
    found = gradients(game, getattr(component, player)(climbed))
    assert found[0] is not None
    assert found[0].abs().sum() > 0
