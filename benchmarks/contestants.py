"""The networks and losses that the benchmarks of a training step are run with, at 32x32."""

RECIPE = "shapes-resnet-hinge"

_BASE = ("dataset.length=2000", "eval.extractor=null")
_DCGAN = (*_BASE, "generator={use: dcgan}", "discriminator={use: dcgan}")
_DCGAN_CRITIC = (*_BASE, "generator={use: dcgan}", "discriminator={use: dcgan, batch_norm: false}")
_RESNET = (*_BASE, "generator.width=64", "discriminator.width=64")

NETWORKS: dict[str, tuple[str, ...]] = {
    "dcgan": _DCGAN,
    "dcgan, WGAN-GP": (*_DCGAN_CRITIC, "loss=wgan-gp"),
    "dcgan, 5 D steps": (*_DCGAN, "train.discriminator_steps=5"),
    "resnet 64": _RESNET,
    "resnet 64, WGAN-GP": (*_RESNET, "discriminator.spectral_norm=false", "loss=wgan-gp"),
    "resnet 64, 5 D steps": (*_RESNET, "train.discriminator_steps=5"),
    "resnet 128": (*_BASE, "generator.width=128", "discriminator.width=128"),
}
"""Name of a row → overrides of `RECIPE`; precision and batch size are set by the benchmark."""
