"""`paired-labels`: the two samples of a row have one label."""

import torch
from ganzoo_zoo.networks.mlp import Discriminator, Generator
from ganzoo_zoo.regularizers.paired_labels import PairedLabels

from ganzoo.api import SampleSpec
from ganzoo.testing import game

SPEC = SampleSpec("image", (1, 8, 8), classes=4)


def test_generated_samples_get_the_labels_of_the_real_ones_and_are_made_of_them() -> None:
    torch.manual_seed(0)
    generator = Generator(SPEC, width=8, latent_dim=4, conditional=True).eval()
    discriminator = Discriminator(SPEC, width=8, conditional=True)
    labels, z = torch.tensor([3, 1, 2]), torch.randn(3, 4)
    for player in ("discriminator", "generator"):
        update = game(
            player,
            generator,
            discriminator,
            real=torch.randn(3, 1, 8, 8),
            latents=z,
            labels=labels,
            fake_labels=torch.tensor([0, 0, 0]),
            spec=SPEC,
        )
        paired = PairedLabels().prepare(update)
        assert paired.fake_labels is not None
        assert paired.fake_labels.tolist() == labels.tolist()
        torch.testing.assert_close(paired.fake, generator(z, labels))
        assert not torch.equal(paired.fake, update.fake)


def test_without_labels_the_game_stays_as_it_is() -> None:
    spec = SampleSpec("image", (1, 8, 8))
    update = game(
        "discriminator",
        Generator(spec, width=8, latent_dim=4),
        Discriminator(spec, width=8),
        real=torch.randn(3, 1, 8, 8),
        latents=torch.randn(3, 4),
    )
    assert PairedLabels().prepare(update) is update
