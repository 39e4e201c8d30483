"""Generators and discriminators: one architecture per file, with both of its networks."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("mlp", "mlp:Generator", modalities={"image", "vector"}, paper="arXiv:1406.2661")
    add("pacgan", "pacgan:Generator", modalities={"vector"}, paper="arXiv:1712.04086")
    add("dcgan", "dcgan:Generator", paper="arXiv:1511.06434")
    add("progan", "progan:Generator", paper="arXiv:1710.10196")
    add("resnet", "resnet:Generator", paper="arXiv:1802.05957")
    add("sagan", "sagan:Generator", paper="arXiv:1805.08318")
    add("biggan", "biggan:Generator", paper="arXiv:1809.11096")
    add("biggan-deep", "biggan_deep:Generator", paper="arXiv:1809.11096")
    add("stylegan2", "stylegan2:Generator", paper="arXiv:1912.04958")
    add("stylegan3", "stylegan3:Generator", paper="arXiv:2106.12423")
    add("r3gan", "r3gan:Generator", paper="arXiv:2501.05441")
    add("fastgan", "fastgan:Generator", paper="arXiv:2101.04775")
    add("unet", "unet:Generator", paper="arXiv:1611.07004")
    add("resnet-translation", "resnet_translation:Generator", paper="arXiv:1703.10593")
    add("cyclegan", "resnet_translation:BothWays", paper="arXiv:1703.10593")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("mlp", "mlp:Discriminator", modalities={"image", "vector"}, paper="arXiv:1406.2661")
    add("pacgan", "pacgan:Discriminator", modalities={"vector"}, paper="arXiv:1712.04086")
    add("dcgan", "dcgan:Discriminator", paper="arXiv:1511.06434")
    add("dcgan-diffusion", "diffusion_gan:Discriminator", paper="arXiv:2206.02262")
    add("progan", "progan:Discriminator", paper="arXiv:1710.10196")
    add("resnet", "resnet:Discriminator", paper="arXiv:1802.05957")
    add("sagan", "sagan:Discriminator", paper="arXiv:1805.08318")
    add("biggan", "biggan:Discriminator", paper="arXiv:1809.11096")
    add("biggan-deep", "biggan_deep:Discriminator", paper="arXiv:1809.11096")
    add("stylegan2", "stylegan2:Discriminator", paper="arXiv:1912.04958")
    add("stylegan2-diffusion", "diffusion_gan:StyleGAN2Discriminator", paper="arXiv:2206.02262")
    add("r3gan", "r3gan:Discriminator", paper="arXiv:2501.05441")
    add("fastgan", "fastgan:Discriminator", paper="arXiv:2101.04775")
    add("patch", "patch:Discriminator", paper="arXiv:1611.07004")
    add("projected", "projected:Discriminator", revision=2, paper="arXiv:2111.01007")
    add("unet", "unet:Discriminator", paper="arXiv:2002.12655")
    add("packed", "packed:Discriminator", modalities={"image", "vector"}, paper="arXiv:1712.04086")
    add(
        "infogan", "infogan:Discriminator", modalities={"image", "vector"}, paper="arXiv:1606.03657"
    )
