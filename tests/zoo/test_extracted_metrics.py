"""Metrics that ask the extractor for other features, and the classification accuracy score."""

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.digits import Digits
from ganzoo_zoo.extractors.inception_network import Network
from ganzoo_zoo.extractors.toy_cnn import ToyCNN, to_input
from ganzoo_zoo.metrics.cas import ClassificationAccuracyScore
from ganzoo_zoo.metrics.extracted import FlipFD, SpatialFD
from torch import Tensor

from ganzoo.api import DataError, Evaluated, SampleSpec
from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.features import Extraction

CPU = torch.device("cpu")
GREY = SampleSpec("image", (1, 8, 8), classes=10)
NETWORK = ToyCNN()


def side(samples: Tensor, extractor: object = NETWORK) -> Evaluated:
    extraction = Extraction(extractor, GREY, CPU, name="zoo/it")
    features = torch.cat(list(extraction.features([samples])))
    return Evaluated(features, samples, extraction=extraction)


@pytest.fixture(scope="module")
def halves() -> tuple[Tensor, Tensor]:
    digits = Digits("train").tensors()[0]
    return digits[:300], digits[300:]


def fd(a: Tensor, b: Tensor) -> float:
    return frechet_distance(Moments.of(a), Moments.of(b))


def read(samples: Tensor) -> Tensor:
    with torch.no_grad():
        return NETWORK(to_input(samples))


# --- spatial features ---


def test_the_spatial_distance_is_that_of_activations_at_all_places(halves) -> None:
    real, fake = halves
    with torch.no_grad():
        maps = [NETWORK.spatial_features(to_input(each)) for each in halves]
    assert maps[0].shape == (300, 7 * 8 * 8)
    found = SpatialFD()(side(real), side(fake))
    assert found == {"spatial_fd": pytest.approx(fd(*maps), rel=1e-6)}


def test_the_spatial_distance_sees_where_things_are(halves) -> None:
    class Averaged(ToyCNN):
        """Features without places."""

        num_features = 7

        def forward(self, x: Tensor) -> Tensor:
            return self.spatial_features(x).unflatten(1, (7, 64)).mean(2)

    real, fake = side(halves[0], Averaged()), side(halves[1].roll(2, -1), Averaged())
    still = side(halves[1], Averaged())
    averaged = fd(real.features, fake.features) / fd(real.features, still.features)
    spatial = [SpatialFD()(real, each)["spatial_fd"] for each in (fake, still)]
    assert spatial[0] / spatial[1] > 1.7 * averaged


def test_inceptions_spatial_features_are_the_first_channels_of_mixed_6() -> None:
    network = Network().eval()
    seen: list[Tensor] = []
    network.Mixed_6d.register_forward_hook(lambda *about: seen.append(about[2]))
    x = 255 * torch.rand(2, 3, 299, 299, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        network(x)
        found = network.spatial_features(x)
    assert found.shape == (2, 2023)
    torch.testing.assert_close(found, seen[0][:, :7].flatten(1), rtol=1e-4, atol=1e-5)


def test_an_extractor_without_spatial_features_is_one_clear_error(halves) -> None:
    class Plain:
        input_shape, num_features, layer, weights_sha256 = None, 64, "none", None

        def __call__(self, x: Tensor) -> Tensor:
            return x.flatten(1)

    with pytest.raises(DataError, match="it has no spatial features"):
        SpatialFD()(side(halves[0], Plain()), side(halves[1], Plain()))
    with pytest.raises(DataError, match="needs the extractor"):
        SpatialFD()(Evaluated(halves[0], halves[0]), side(halves[1]))


# --- mirrored pictures ---


def test_flips_are_counted_as_pictures_of_their_own(halves) -> None:
    real, fake = halves
    doubled = [torch.cat([each, each.flip(-1)]) for each in halves]
    expected = {
        "reference": fd(read(doubled[0]), read(fake)),
        "both": fd(read(doubled[0]), read(doubled[1])),
    }
    for sides, value in expected.items():
        found = FlipFD(sides=sides)(side(real), side(fake))
        assert found == {"flip_fd": pytest.approx(value, rel=1e-6)}
    mirrored = side(doubled[0])
    assert FlipFD()(side(real), mirrored)["flip_fd"] == pytest.approx(0, abs=1e-6)
    assert fd(side(real).features, mirrored.features) > 1


def test_flips_of_what_is_no_picture_are_refused() -> None:
    rows = Evaluated(torch.randn(9, 2), torch.randn(9, 2))
    with pytest.raises(DataError, match="needs pictures"):
        FlipFD()(rows, rows)


# --- classification accuracy score ---


def clusters(count: int, seed: int, spread: float = 1.0) -> Evaluated:
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    features = 3 * torch.eye(4, 6)[labels] + spread * torch.randn(count, 6, generator=random)
    return Evaluated(features, features, labels)


def test_generated_samples_of_the_distribution_teach_as_much_as_real_ones() -> None:
    numbers = ClassificationAccuracyScore()(clusters(2000, 1), clusters(1000, 2))
    # The Bayes rule names the largest of the first four features.
    real = clusters(2000, 1)
    best = (real.features[:, :4].argmax(1) == real.labels).double().mean().item()
    assert numbers["cas"] == pytest.approx(best, abs=0.01)
    assert numbers["cas_real"] == pytest.approx(best, abs=0.01)


def test_wrong_labels_and_dropped_classes_lower_the_score() -> None:
    real, fake = clusters(400, 1), clusters(400, 2)
    score = ClassificationAccuracyScore()
    turned = Evaluated(fake.features, fake.samples, (fake.labels + 1) % 4)
    assert score(real, turned)["cas"] < 0.1
    half = fake.labels < 2
    few = Evaluated(fake.features[half], fake.samples[half], fake.labels[half])
    assert score(real, few)["cas"] < 0.51


def test_the_classifier_is_at_the_minimum_of_its_loss() -> None:
    fake = clusters(200, 3)
    fitted = ClassificationAccuracyScore(decay=0.1).fit(fake.features, fake.labels, classes=4)
    x = fake.features.double().numpy()
    x = (x - x.mean(0)) / x.std(0)
    weight, bias = (part.detach().numpy() for part in fitted[1].parameters())
    logits = x @ weight.T + bias
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    residual = p - np.eye(4)[fake.labels]
    np.testing.assert_allclose(residual.T @ x / 200 + 0.1 * weight, 0, atol=1e-5)
    np.testing.assert_allclose(residual.mean(0), 0, atol=1e-5)


def test_a_constant_feature_and_the_order_of_samples_do_not_matter() -> None:
    real, fake = clusters(300, 1), clusters(200, 2)
    score = ClassificationAccuracyScore()
    expected = score(real, fake)
    constant = [
        Evaluated(
            torch.cat([each.features, 0 * each.features[:, :1] + 7], 1), each.samples, each.labels
        )
        for each in (real, fake)
    ]
    assert score(*constant) == expected
    turned = [
        Evaluated(each.features.flip(0), each.samples.flip(0), each.labels.flip(0))
        for each in (real, fake)
    ]
    assert score(*turned) == expected


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (clusters(9, 1), Evaluated(torch.randn(9, 6), torch.randn(9, 6)), "the samples have none"),
        (Evaluated(torch.randn(9, 6), torch.randn(9, 6)), clusters(9, 1), "the reference has none"),
        (clusters(3, 1), clusters(9, 1), "four real samples"),
        (clusters(9, 1), clusters(1, 1), "samples of two classes"),
    ],
)
def test_what_cannot_be_classified_is_one_clear_error(real, fake, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ClassificationAccuracyScore()(real, fake)
    with pytest.raises(DataError, match="needs the split 'test'; the data set has no known splits"):
        ClassificationAccuracyScore(split="test")(clusters(9, 1), clusters(9, 2))
