"""The zoo: what comes with ganzoo, through the door that every plugin uses. Imports no torch."""

from ganzoo.api import Register, RemoteFile, hookimpl

IMAGE = {"image"}
VECTOR = {"vector"}

CIFAR10 = RemoteFile(
    name="cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

# The hash is the one that other projects state for this release; it begins as the file's name says.
INCEPTION = RemoteFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    url=(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth"
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)


@hookimpl
def register_generators(register: Register) -> None:
    register(
        "mlp",
        "ganzoo_zoo.networks.mlp:Generator",
        summary="multilayer perceptron, for points and small images",
        paper="arXiv:1406.2661",
        license="Apache-2.0",
        modalities={"image", "vector"},
        capabilities={"conditional", "unbounded", "graph-safe"},
    )
    register(
        "dcgan",
        "ganzoo_zoo.networks.dcgan:Generator",
        summary="transposed convolutions, batch norm, ReLU, tanh",
        paper="arXiv:1511.06434",
        license="Apache-2.0",
        modalities=IMAGE,
        capabilities={"conditional", "graph-safe"},
    )
    register(
        "resnet",
        "ganzoo_zoo.networks.resnet:Generator",
        summary="SNGAN's residual generator",
        paper="arXiv:1802.05957",
        license="Apache-2.0",
        modalities=IMAGE,
        capabilities={"conditional", "graph-safe"},
    )


@hookimpl
def register_discriminators(register: Register) -> None:
    register(
        "mlp",
        "ganzoo_zoo.networks.mlp:Discriminator",
        summary="multilayer perceptron, for points and small images",
        paper="arXiv:1406.2661",
        license="Apache-2.0",
        modalities={"image", "vector"},
        capabilities={"conditional", "features", "graph-safe"},
    )
    register(
        "dcgan",
        "ganzoo_zoo.networks.dcgan:Discriminator",
        summary="strided convolutions, leaky ReLU, optional batch norm or spectral norm",
        paper="arXiv:1511.06434",
        license="Apache-2.0",
        modalities=IMAGE,
        capabilities={"conditional", "features", "batch-coupled", "graph-safe"},
    )
    register(
        "resnet",
        "ganzoo_zoo.networks.resnet:Discriminator",
        summary="SNGAN's residual critic, spectral norm and projection on request",
        paper="arXiv:1802.05957",
        license="Apache-2.0",
        modalities=IMAGE,
        capabilities={"conditional", "features", "graph-safe"},
    )


@hookimpl
def register_latents(register: Register) -> None:
    register(
        "gaussian",
        "ganzoo_zoo.latents:Gaussian",
        summary="independent standard normal numbers",
        license="Apache-2.0",
    )
    register(
        "uniform",
        "ganzoo_zoo.latents:Uniform",
        summary="independent numbers, uniform in [-1, 1)",
        license="Apache-2.0",
    )


@hookimpl
def register_losses(register: Register) -> None:
    register(
        "vanilla",
        "ganzoo_zoo.losses.vanilla:Vanilla",
        summary="the original game; non-saturating unless asked otherwise",
        paper="arXiv:1406.2661",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )
    register(
        "hinge",
        "ganzoo_zoo.losses.hinge:Hinge",
        summary="hinge loss",
        paper="arXiv:1705.02894",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )
    register(
        "wgan-gp",
        "ganzoo_zoo.losses.wgan_gp:WassersteinGP",
        summary="Wasserstein distance with the gradient penalty built in",
        paper="arXiv:1704.00028",
        license="Apache-2.0",
        capabilities={"graph-safe", "input-gradient"},
    )


@hookimpl
def register_regularizers(register: Register) -> None:
    register(
        "gradient-penalty",
        "ganzoo_zoo.losses.penalties:GradientPenalty",
        summary="penalty on the critic's gradient between real and generated samples",
        paper="arXiv:1704.00028",
        license="Apache-2.0",
        capabilities={"graph-safe", "input-gradient"},
    )
    register(
        "r1",
        "ganzoo_zoo.losses.penalties:R1",
        summary="gamma/2 times the squared gradient of D on real samples",
        paper="arXiv:1801.04406",
        license="Apache-2.0",
        capabilities={"graph-safe", "real-gradient"},
    )


@hookimpl
def register_augmentations(register: Register) -> None:
    register(
        "diffaugment",
        "ganzoo_zoo.augmentations.diffaugment:DiffAugment",
        summary="differentiable colour, translation and cutout on everything D sees",
        paper="arXiv:2006.10738",
        license="Apache-2.0",
        modalities=IMAGE,
        capabilities={"graph-safe"},
    )


@hookimpl
def register_datasets(register: Register) -> None:
    register(
        "digits",
        "ganzoo_zoo.datasets.digits:Digits",
        summary="1,797 handwritten digits, 8x8 grey (UCI optdigits)",
        license="CC-BY-4.0",
        modalities=IMAGE,
        splits=("train", "test", "extractor"),
        extractor="zoo/toy-cnn",
    )
    register(
        "stacked-digits",
        "ganzoo_zoo.datasets.digits:StackedDigits",
        summary="three digits in the channels of one image: 1,000 modes",
        license="CC-BY-4.0",
        modalities=IMAGE,
        splits=("train", "test"),
        extractor="zoo/toy-cnn",
    )
    register(
        "shapes",
        "ganzoo_zoo.datasets.shapes:Shapes",
        summary="procedural RGB shapes of ten classes at any size",
        license="Apache-2.0",
        modalities=IMAGE,
        splits=("train", "test", "extractor"),
        extractor="zoo/toy-cnn",
    )
    register(
        "gaussians",
        "ganzoo_zoo.datasets.gaussians:Gaussians",
        summary="a ring or a grid of Gaussians in the plane",
        license="Apache-2.0",
        modalities={"vector"},
        splits=("train", "test"),
        extractor="zoo/pixels",
    )
    register(
        "cifar10",
        "ganzoo_zoo.datasets.cifar10:Cifar10",
        summary="60,000 colour images of ten classes, 32x32, binary version",
        modalities=IMAGE,
        splits=("train", "test"),
        files=(CIFAR10,),
    )
    register(
        "folder",
        "ganzoo_zoo.datasets.folder:Folder",
        summary="a folder or zip of your own images",
        modalities=IMAGE,
        splits=("train", "test"),
    )


@hookimpl
def register_extractors(register: Register) -> None:
    register(
        "toy-cnn",
        "ganzoo_zoo.extractors.toy_cnn:ToyCNN",
        summary="small classifier of digits and shapes, 64 features",
        license="Apache-2.0",
        modalities=IMAGE,
        datasets=("zoo/digits", "zoo/stacked-digits", "zoo/shapes"),
    )
    register(
        "pixels",
        "ganzoo_zoo.extractors.pixels:Pixels",
        summary="the samples themselves, flattened",
        license="Apache-2.0",
        modalities={"image", "vector"},
        datasets=("zoo/gaussians",),
    )
    register(
        "inception",
        "ganzoo_zoo.extractors.inception:Inception",
        summary="pool3 of Inception 2015-12-05: the features of FID, made for colour photographs",
        paper="arXiv:1706.08500",
        modalities=IMAGE,
        files=(INCEPTION,),
    )
    register(
        "torchscript",
        "ganzoo_zoo.extractors.programs:TorchScript",
        summary="any network of images in a TorchScript file, by path and sha256",
        license="Apache-2.0",
        modalities=IMAGE,
    )
    register(
        "exported",
        "ganzoo_zoo.extractors.programs:Exported",
        summary="any network of images in a torch.export file, by path and sha256",
        license="Apache-2.0",
        modalities=IMAGE,
    )
    register(
        "dinov2",
        "ganzoo_zoo.extractors.vision_transformers:Dinov2",
        summary="class token of a DINOv2 in a folder of yours; needs the package transformers",
        paper="arXiv:2304.07193",
        license="Apache-2.0",
        modalities=IMAGE,
    )
    register(
        "clip",
        "ganzoo_zoo.extractors.vision_transformers:Clip",
        summary="CLIP's embedding of an image, from a folder of yours; needs transformers",
        paper="arXiv:2103.00020",
        license="Apache-2.0",
        modalities=IMAGE,
    )


@hookimpl
def register_metrics(register: Register) -> None:
    register(
        "modes",
        "ganzoo_zoo.metrics.modes:Modes",
        summary="labelled modes covered, and samples within 3 sd of one",
        paper="arXiv:1712.04086",
        license="Apache-2.0",
        modalities=VECTOR,
    )
    register(
        "stacked-modes",
        "ganzoo_zoo.metrics.modes:StackedModes",
        summary="of the 1,000 modes of stacked-digits, how many are covered; KL to uniform",
        paper="arXiv:1611.02163",
        license="Apache-2.0",
        modalities=IMAGE,
    )
    register(
        "class-agreement",
        "ganzoo_zoo.metrics.classes:ClassAgreement",
        summary="how often the extractor's classifier sees the class that was asked for",
        license="Apache-2.0",
    )
    register(
        "kid",
        "ganzoo_zoo.metrics.kid:Kid",
        summary="kernel distance (MMD^2), unbiased, with its standard error",
        paper="arXiv:1801.01401",
        license="Apache-2.0",
    )
    register(
        "precision-recall",
        "ganzoo_zoo.metrics.coverage:PrecisionRecall",
        summary="samples that look real, and real samples that are made",
        paper="arXiv:1904.06991",
        license="Apache-2.0",
    )
    register(
        "density-coverage",
        "ganzoo_zoo.metrics.coverage:DensityCoverage",
        summary="precision and recall that outliers do not sway",
        paper="arXiv:2002.09797",
        license="Apache-2.0",
    )
    register(
        "inception-score",
        "ganzoo_zoo.metrics.inception_score:InceptionScore",
        summary="clear classes, and all of them, as the extractor's classifier sees it",
        paper="arXiv:1606.03498",
        license="Apache-2.0",
    )
    register(
        "intra-class",
        "ganzoo_zoo.metrics.intra_class:IntraClass",
        summary="Fréchet distance class by class, for conditional recipes",
        paper="arXiv:1802.05637",
        license="Apache-2.0",
    )
    register(
        "memorisation",
        "ganzoo_zoo.metrics.memorisation:Memorisation",
        summary="distances to training data beside those to held-out data",
        paper="arXiv:2004.05675",
        license="Apache-2.0",
    )
    register(
        "path-length",
        "ganzoo_zoo.metrics.path_length:PathLength",
        summary="how far a small step in the latents moves the features",
        paper="arXiv:1812.04948",
        license="Apache-2.0",
        modalities={"image", "vector", "audio", "video"},
    )
    register(
        "torchmetrics",
        "ganzoo_zoo.metrics.torchmetrics_adapter:TorchMetric",
        summary="an image metric of torchmetrics by its class, on the run's features",
        license="Apache-2.0",
    )


@hookimpl
def register_optimizers(register: Register) -> None:
    register(
        "adam",
        "ganzoo_zoo.optimizers:adam",
        summary="Adam with DCGAN's defaults",
        paper="arXiv:1412.6980",
        license="Apache-2.0",
    )
    register(
        "adamw",
        "ganzoo_zoo.optimizers:adamw",
        summary="Adam whose weight decay stands beside the step",
        paper="arXiv:1711.05101",
        license="Apache-2.0",
    )
    register(
        "rmsprop",
        "ganzoo_zoo.optimizers:rmsprop",
        summary="RMSprop with the learning rate of the weight-clipping WGAN",
        license="Apache-2.0",
    )
    register(
        "sgd",
        "ganzoo_zoo.optimizers:sgd",
        summary="stochastic gradient descent, with momentum on request",
        license="Apache-2.0",
    )


@hookimpl
def register_schedules(register: Register) -> None:
    register(
        "linear",
        "ganzoo_zoo.schedules:Linear",
        summary="straight line between two factors",
        license="Apache-2.0",
    )
    register(
        "cosine",
        "ganzoo_zoo.schedules:Cosine",
        summary="half a cosine between two factors",
        paper="arXiv:1608.03983",
        license="Apache-2.0",
    )
