"""How fast Inception's features are, in our form of the network and in that of other tools.

    python benchmarks/extraction.py [--images 31] [--size 32] [--rounds 5] [--threads 1]

Each round runs each form once on the same images, so that a busy machine slows all of them; ratios
are of the medians of CPU time. ``TORCH_FIDELITY=DIR`` adds torch-fidelity's own network, from
``pip install --no-deps --target DIR torch-fidelity``. Weights are random: nothing is downloaded.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from ganzoo_zoo.extractors.inception_network import EPSILON, Convolution, Network, folded
from provenance import provenance
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.scoring.features import features_of

Extract = Callable[[Tensor], Tensor]


class Unfolded(nn.Module):
    """Convolution, batch norm and ReLU, one after the other."""

    def __init__(self, like: Convolution) -> None:
        super().__init__()
        self.conv = copy.deepcopy(like)
        self.conv.bias = None
        self.bn = nn.BatchNorm2d(like.out_channels, eps=EPSILON)
        nn.init.kaiming_normal_(self.conv.weight)  # else features vanish into slow denormals

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(nn.Conv2d.forward(self.conv, x)).relu_()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=31, help="in one batch")
    parser.add_argument("--size", type=int, default=32, help="height and width, in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without", default="", help="leave out forms with this word")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    shape = (chosen.images, 3, chosen.size, chosen.size)
    images = torch.randint(256, shape, dtype=torch.uint8)
    made = forms(shape[1:])
    if chosen.without:
        made = {name: form for name, form in made.items() if chosen.without not in name}
    seconds, features = interleaved(made, images, chosen.rounds)
    print(provenance("torch"))
    print(f"{chosen.images} images of {chosen.size}x{chosen.size}, {chosen.threads} threads\n")
    print("| form | CPU ms/image | times the first | difference of features |")
    print("|:--|--:|--:|--:|")
    first = next(iter(seconds))
    for name, taken in seconds.items():
        difference = (features[name] - features[first]).norm() / features[first].norm()
        print(
            f"| {name} | {1000 * taken / chosen.images:.0f} | {seconds[first] / taken:.2f} "
            f"| {difference:.1e} |"
        )


def forms(shape: tuple[int, ...]) -> dict[str, Extract]:
    """Return each form, from stored images to features; the baseline first."""
    reference = Network()
    for name, module in list(reference.named_modules()):
        if isinstance(module, Convolution):
            parent, _, last = name.rpartition(".")
            setattr(reference.get_submodule(parent), last, Unfolded(module))
    reference.Conv2d_1a_3x3.register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))
    state = reference.state_dict()
    ours = Network()
    ours.load_state_dict(folded(state))
    ours.to(memory_format=torch.channels_last)
    half = copy.deepcopy(ours).to(torch.bfloat16)
    made = {"batch norms apart, contiguous": through_core(reference, shape)}
    if directory := os.environ.get("TORCH_FIDELITY"):
        made["torch-fidelity, its own resize"] = torch_fidelity(Path(directory), state)
    made["ganzoo, float32"] = through_core(ours, shape)
    made["ganzoo, bfloat16"] = through_core(half, shape)
    return made


def through_core(network: Network, shape: tuple[int, ...]) -> Extract:
    """Return the path of scoring: resize, then the network in batches of limited size."""
    network.input_shape, network.num_features = (3, 299, 299), 2048  # type: ignore[assignment]
    spec, device = SampleSpec("image", shape), torch.device("cpu")

    def extract(images: Tensor) -> Tensor:
        return torch.cat(list(features_of([images], network, spec, device)))  # type: ignore[arg-type]

    return extract


def torch_fidelity(directory: Path, state: dict[str, Tensor]) -> Extract:
    """Return torch-fidelity's network with the same weights; its package needs torchvision."""
    package = ModuleType("torch_fidelity")
    package.__path__ = [str(directory / "torch_fidelity")]
    sys.modules["torch_fidelity"] = package
    module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    module.load_state_dict_from_url = lambda *_, **__: {**state, "fc.bias": torch.zeros(1008)}
    network = module.FeatureExtractorInceptionV3("inception", ["2048"])
    return torch.inference_mode()(lambda images: network(images)[0])


def interleaved(
    forms: dict[str, Extract], images: Tensor, rounds: int
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Return median CPU seconds and the features of each form; a first round warms up."""
    features = {name: extract(images) for name, extract in forms.items()}
    taken: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, extract in forms.items():
            taken[name].append(timed(partial(extract, images)))
    return {name: statistics.median(each) for name, each in taken.items()}, features


def timed(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call, over all threads."""
    before = time.process_time()
    call()
    return time.process_time() - before


if __name__ == "__main__":
    main()
