"""Data sets, one per file, and the parts that several of them share."""

from ganzoo.api import Register, RemoteFile, hookimpl, table

CIFAR10 = RemoteFile(
    name="cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

WITH_EXTRACTOR = ("train", "test", "extractor")  # toy-cnn was trained on the third split


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, splits=("train", "test"))
    add("cifar10", "cifar10:Cifar10", files=[CIFAR10])
    add("folder", "folder:Folder")
    add("stacked-digits", "digits:StackedDigits", extractor="toy-cnn", license="CC-BY-4.0")

    add = table(register, __name__, modalities={"image"}, splits=WITH_EXTRACTOR)
    add("digits", "digits:Digits", extractor="toy-cnn", license="CC-BY-4.0")
    add("shapes", "shapes:Shapes", extractor="toy-cnn", license="Apache-2.0")

    add = table(register, __name__, modalities={"image"}, splits=("train", "test"))
    add("outlines", "outlines:Outlines", extractor="toy-cnn", license="Apache-2.0")
    add("pairs", "pairs:Pairs")

    add = table(register, __name__, modalities={"vector"}, splits=("train", "test"))
    add("gaussians", "gaussians:Gaussians", extractor="pixels", license="Apache-2.0")
