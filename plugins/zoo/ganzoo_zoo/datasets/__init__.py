"""Data sets, one per file, and the parts that several of them share."""

from ganzoo.api import Register, RemoteFile, hookimpl, table

CIFAR10 = RemoteFile(
    name="cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

CIFAR100 = RemoteFile(
    name="cifar-100-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    size=168_513_733,
)
STL10 = RemoteFile(
    name="stl10_binary.tar.gz",
    url="https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    sha256="f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
    size=2_640_397_119,
)

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def idx_files(name: str, folder: str, *sha256: str) -> list[RemoteFile]:
    """Return the four files of a data set in MNIST's format, whose hashes are in that order."""
    return [
        RemoteFile(name=f"{name}-{file}", url=f"{folder}/{file}", sha256=digest)
        for file, digest in zip(IDX_FILES, sha256, strict=True)
    ]


# The hashes are those of tensorflow/datasets, tensorflow_datasets/url_checksums, at 31f1255 and
# 333639b.
MNIST = idx_files(
    "mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION_MNIST = idx_files(
    "fashion-mnist",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
KMNIST = idx_files(
    "kmnist",
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
)

WITH_EXTRACTOR = ("train", "test", "extractor")  # toy-cnn was trained on the third split


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, splits=("train", "test"))
    add("cifar10", "cifar10:Cifar10", files=[CIFAR10])
    add("cifar100", "cifar100:Cifar100", files=[CIFAR100])
    add("stl10", "stl10:Stl10", files=[STL10], splits=("train", "test", "unlabeled"))
    add("mnist", "idx:Mnist", files=MNIST, license="CC-BY-SA-3.0")
    add("fashion-mnist", "idx:FashionMnist", files=FASHION_MNIST, license="MIT")
    add("kmnist", "idx:Kmnist", files=KMNIST, license="CC-BY-SA-4.0")
    add("folder", "folder:Folder")
    add("celeba", "faces:Celeba")
    add("ffhq", "faces:Ffhq", license="CC-BY-NC-SA-4.0")
    add("afhq", "faces:Afhq", license="CC-BY-NC-4.0")
    add("stacked-digits", "digits:StackedDigits", extractor="toy-cnn", license="CC-BY-4.0")
    add("stacked-mnist", "stacked_mnist:StackedMnist", files=MNIST, license="CC-BY-SA-3.0")

    add = table(register, __name__, modalities={"image"}, splits=WITH_EXTRACTOR)
    add("digits", "digits:Digits", extractor="toy-cnn", license="CC-BY-4.0")
    add("shapes", "shapes:Shapes", extractor="toy-cnn", license="Apache-2.0")

    add = table(register, __name__, modalities={"image"}, splits=("train", "test"))
    add("outlines", "outlines:Outlines", extractor="toy-cnn", license="Apache-2.0")
    add("pairs", "pairs:Pairs")

    add = table(register, __name__, modalities={"vector"}, splits=("train", "test"))
    add("gaussians", "gaussians:Gaussians", extractor="pixels", license="Apache-2.0")
