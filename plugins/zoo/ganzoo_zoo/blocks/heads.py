"""What a discriminator returns beside its logit: class heads and self-supervised heads."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import linear, normalize, relu

from ganzoo.api import DiscriminatorOutput, SampleSpec

Head = Literal[
    "projection",
    "classifier",
    "twin-classifier",
    "discriminative-classifier",
    "embedding",
    "multi-hinge",
]
SelfSupervision = Literal["none", "rotation", "infomax"]

WORDS: dict[str, frozenset[str]] = {
    "classifier": frozenset({"class-logits"}),
    "twin-classifier": frozenset({"class-logits", "zoo/twin-class-logits"}),
    "discriminative-classifier": frozenset({"zoo/discriminative-class-logits"}),
    "embedding": frozenset({"zoo/embedding"}),
    "multi-hinge": frozenset({"zoo/multi-hinge"}),
    "rotation": frozenset({"zoo/rotation"}),
    "infomax": frozenset({"zoo/infomax"}),
}
"""Head → the capabilities that D has with it."""

EVERY_WORD: frozenset[str] = frozenset().union(*WORDS.values())
CLASS_WORDS = EVERY_WORD - WORDS["rotation"] - WORDS["infomax"]
"""The capabilities of class heads."""


class Heads(nn.Module):
    """Heads on D's pooled features h (B, F), for the losses and regularizers that require them.

    ============================== ============================================================
    head                           output
    ============================== ============================================================
    ``projection``                 nothing: D's logit depends on the label if D is conditional
    ``classifier``                 `class_logits` (B, K), of AC-GAN
    ``twin-classifier``            the same, and ``twin_class_logits`` (B, K), of TAC-GAN
    ``discriminative-classifier``  ``discriminative_class_logits`` (B, 2K), of ADC-GAN: real and
                                   generated samples of each class, in turn
    ``embedding``                  ``embedding`` (B, d) of length 1, and ``proxy_similarity``
                                   (B, K), its cosines with a learned proxy of each class, of
                                   ContraGAN and ReACGAN
    ``multi-hinge``                ``multi_hinge`` (B, K + 1) = o, the last of which is
                                   "generated"; the logit is max_{k < K} o_k - o_K, of MHGAN
    ``rotation``                   ``rotation`` (B, 4), of SSGAN
    ``infomax``                    ``local`` (B, d, H, W) and ``global`` (B, d), of InfoMax-GAN
    ============================== ============================================================

    Everything but `class_logits` is in the output's `extra`. Linear layers on classes have no bias.

    Args:
        features: F.
        local: channels of the input of D's last block, for ``infomax``.
        embedding_dim: d; None: 512 for ``embedding``, 1024 for ``infomax``, as in the papers.

    Raises:
        ValueError: a class head, and the data has no classes; ``rotation``, and the image is not
            square; ``infomax``, and D has one block.
    """

    def __init__(
        self,
        spec: SampleSpec,
        features: int,
        local: int | None,
        *,
        head: Head,
        self_supervision: SelfSupervision,
        embedding_dim: int | None,
    ) -> None:
        super().__init__()
        classes = spec.classes
        if head != "projection" and not classes:
            raise ValueError(f"head: {head} needs labelled data, and {spec} has no classes")
        if self_supervision == "rotation" and spec.height != spec.width:
            raise ValueError(
                f"self_supervision: rotation needs square images, not {spec.height}x{spec.width}"
            )
        if self_supervision == "infomax" and local is None:
            raise ValueError("self_supervision: infomax needs at least two blocks")
        self.head: Head = head
        self.capabilities = WORDS.get(head, frozenset()) | WORDS.get(self_supervision, frozenset())
        self.layers = nn.ModuleDict()
        if head in ("classifier", "twin-classifier"):
            self.layers["class"] = nn.Linear(features, classes, bias=False)
        if head == "twin-classifier":
            self.layers["twin"] = nn.Linear(features, classes, bias=False)
        if head == "discriminative-classifier":
            self.layers["discriminative"] = nn.Linear(features, 2 * classes, bias=False)
        if head == "embedding":
            self.layers["embedding"] = nn.Linear(features, embedding_dim or 512)
            self.layers["proxies"] = nn.Linear(embedding_dim or 512, classes, bias=False)
        if self_supervision == "rotation":
            self.layers["rotation"] = nn.Linear(features, 4)
        if self_supervision == "infomax" and local is not None:
            self.layers["local"] = Encoder(nn.Conv2d, local, embedding_dim or 1024)
            self.layers["global"] = Encoder(nn.Linear, features, embedding_dim or 1024)
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)

    def forward(
        self, outputs: Tensor, h: Tensor, features: tuple[Tensor, ...]
    ) -> DiscriminatorOutput:
        """Return D's output.

        Args:
            outputs: of D's last linear layer, (B, 1); (B, K + 1) with ``multi-hinge``.
            features: maps after each block, the last but one of which is the local one; then h.
        """
        layers, extra, class_logits = self.layers, {}, None
        logits = outputs.squeeze(1)
        if self.head == "multi-hinge":
            logits = outputs[:, :-1].amax(1) - outputs[:, -1]
            extra["multi_hinge"] = outputs
        if "class" in layers:
            class_logits = layers["class"](h)
        if "twin" in layers:
            extra["twin_class_logits"] = layers["twin"](h)
        if "discriminative" in layers:
            extra["discriminative_class_logits"] = layers["discriminative"](h)
        if "embedding" in layers:
            extra["embedding"] = embedding = normalize(layers["embedding"](h))
            proxies: nn.Linear = layers["proxies"]  # type: ignore[assignment]
            extra["proxy_similarity"] = linear(embedding, normalize(proxies.weight))
        if "rotation" in layers:
            extra["rotation"] = layers["rotation"](h)
        if "local" in layers:
            extra["local"] = layers["local"](features[-3])
            extra["global"] = layers["global"](h)
        return DiscriminatorOutput(logits, features, class_logits, extra)


class Encoder(nn.Module):
    """One hidden layer beside a linear shortcut, into the space of InfoMax-GAN's inner products."""

    def __init__(self, layer: type[nn.Linear] | type[nn.Conv2d], inputs: int, outputs: int) -> None:
        super().__init__()
        size = (1,) if layer is nn.Conv2d else ()
        self.hidden = layer(inputs, inputs, *size)
        self.output = layer(inputs, outputs, *size)
        self.shortcut = layer(inputs, outputs, *size)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.output(relu(self.hidden(x))) + self.shortcut(x)
        return output


def outputs_of(head: Head, spec: SampleSpec) -> int:
    """Return the number of outputs of D's last linear layer."""
    return spec.classes + 1 if head == "multi-hinge" else 1
