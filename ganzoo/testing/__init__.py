"""The conformance kit: the checks that every component must pass, for the tests of any plugin.

    from ganzoo.testing import conformance

    test_conformance = conformance("acme/*")

is a complete test file: pytest then runs one test per component and check. ``ganzoo conformance
'acme/*'`` runs the same checks from a shell, and ``ganzoo conformance --list`` describes each
check. Everything runs on the CPU with small samples. `game` makes a game from given tensors, to
try a loss or a regularizer by hand.
"""

from collections.abc import Collection
from typing import Any, cast

from torch import Tensor, nn

from ganzoo.api import Game
from ganzoo.testing.suite import NonConformance, conformance
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

__all__ = ["NonConformance", "conformance", "game"]


def game(
    player: str,
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    real: Tensor,
    latents: Tensor,
    capabilities: Collection[str] = (),
    **fields: Any,
) -> Game:
    """Return one update of one player on given tensors, to try a loss or a regularizer by hand.

    Args:
        player: ``discriminator`` or ``generator``.
        real: samples in model form, (B, *model_shape).
        latents: (B, latent_dim) float32.
        capabilities: of the components that use the game, such as ``{"real-gradient"}``.
        fields: `labels` and `fake_labels`, int64 (B,) or conditions in model form; `augmentation`;
            `spec`; `latent`, the law of `Game.latent` (standard normal if there is none); `seed` of
            all noise; `step` and `samples_seen`.
    """
    required = RequiredGradients.named(capabilities)
    made = EngineGame.of(
        player, generator, discriminator, real=real, latents=latents, required=required, **fields
    )
    return cast("Game", made)
