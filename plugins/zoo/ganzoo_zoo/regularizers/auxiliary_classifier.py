"""Auxiliary classifiers: AC-GAN, TAC-GAN and ADC-GAN."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.api import DiscriminatorOutput, Game, Terms
from ganzoo_zoo.blocks.precision import full_precision


class AuxiliaryClassifier:
    """D classifies real samples; G makes samples that D gives their label.

    D: -E log C(y | x); G: -E log C(y | G(z, y)), by D's head ``classifier``. Like most code and
    unlike the paper, D does not learn from the classes of generated samples by default.

    Args:
        learn_from_fake: D also minimises -E log C(y | G(z, y)), as in the paper.

    Source: Odena et al. 2017, arXiv:1610.09585.
    """

    capabilities = frozenset({"conditional", "graph-safe"})
    requires = frozenset({"class-logits"})

    def __init__(self, *, learn_from_fake: bool = False) -> None:
        self.learn_from_fake = learn_from_fake

    def discriminator(self, game: Game) -> Terms:
        terms = {"class_real": class_error(game.real_output, game.labels)}
        if self.learn_from_fake:
            terms["class_fake"] = class_error(game.fake_output, game.fake_labels)
        return terms

    def generator(self, game: Game) -> Terms:
        return {"class_fake": class_error(game.fake_output, game.fake_labels)}


class TwinAuxiliaryClassifier:
    """An auxiliary classifier C, and its twin C_mi that knows generated samples only.

    D: -E log C(y | x) - E log C_mi(y | G(z, y)). G: -E log C(y | G(z, y)) + E log C_mi(y | G(z,
    y)), whose second term keeps the samples of a label diverse. Both classifiers are D's head
    ``twin-classifier``.

    Source: Gong et al. 2019, arXiv:1907.02690.
    """

    capabilities = frozenset({"conditional", "graph-safe"})
    requires = frozenset({"class-logits", "zoo/twin-class-logits"})

    def discriminator(self, game: Game) -> Terms:
        return {
            "class_real": class_error(game.real_output, game.labels),
            "twin_fake": twin_error(game.fake_output, game.fake_labels),
        }

    def generator(self, game: Game) -> Terms:
        return {
            "class_fake": class_error(game.fake_output, game.fake_labels),
            "twin_fake": -twin_error(game.fake_output, game.fake_labels),
        }


class DiscriminativeClassifier:
    """A classifier of label and origin together: 2K classes, real and generated ones of each label.

    D: -E log C(y, real | x) - E log C(y, fake | G(z, y)). G: -E log C(y, real | G(z, y))
    + E log C(y, fake | G(z, y)), by D's head ``discriminative-classifier``. Class 2y is label y and
    real, class 2y + 1 label y and generated.

    Source: Hou et al. 2022, arXiv:2107.10060.
    """

    capabilities = frozenset({"conditional", "graph-safe"})
    requires = frozenset({"zoo/discriminative-class-logits"})

    def discriminator(self, game: Game) -> Terms:
        return {
            "class_real": joint_error(game.real_output, game.labels, fake=0),
            "class_fake": joint_error(game.fake_output, game.fake_labels, fake=1),
        }

    def generator(self, game: Game) -> Terms:
        output, y = game.fake_output, game.fake_labels
        return {
            "class_real": joint_error(output, y, fake=0),
            "class_fake": -joint_error(output, y, fake=1),
        }


def class_error(output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
    assert output.class_logits is not None
    assert y is not None
    return cross_entropy(full_precision(output.class_logits), y)


def twin_error(output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
    assert y is not None
    return cross_entropy(full_precision(output.extra["twin_class_logits"]), y)


def joint_error(output: DiscriminatorOutput, y: Tensor | None, fake: int) -> Tensor:
    assert y is not None
    return cross_entropy(full_precision(output.extra["discriminative_class_logits"]), 2 * y + fake)
