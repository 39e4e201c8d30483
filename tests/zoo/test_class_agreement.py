import pytest
import torch
from ganzoo_zoo.datasets.shapes import Shapes
from ganzoo_zoo.extractors.toy_cnn import ToyCNN, to_input
from ganzoo_zoo.metrics.classes import ClassAgreement
from torch.nn.functional import one_hot

from ganzoo.api import Evaluated
from ganzoo.errors import DataError


def side(labels: list[int] | None, seen: list[int] | None) -> Evaluated:
    """Return a side whose classifier sees the given classes."""
    count = len(labels or seen or [])
    return Evaluated(
        features=torch.zeros(count, 1),
        samples=torch.zeros(count, 1),
        labels=None if labels is None else torch.tensor(labels),
        class_logits=None if seen is None else one_hot(torch.tensor(seen), 20).float(),
    )


REAL = side([0, 0, 0, 0, 1, 1, 1, 1], [17, 17, 17, 3, 12, 12, 12, 12])


def test_labels_mean_what_the_classifier_sees_in_most_of_their_real_samples() -> None:
    numbers = ClassAgreement()(REAL, side([0, 0, 1, 1, 1], [17, 12, 12, 12, 17]))
    assert numbers == {"class_agreement": 0.6, "class_agreement_real": 7 / 8}


def test_real_shapes_agree_with_themselves_and_not_with_shuffled_labels() -> None:
    network = ToyCNN()

    def seen(split: str) -> Evaluated:
        images, labels = Shapes(split, length=500).tensors()
        features = network(to_input(images))
        return Evaluated(features, images, labels, network.class_logits(features))

    real, fake = seen("train"), seen("test")
    assert ClassAgreement()(real, fake)["class_agreement"] > 0.97
    wrong = Evaluated(fake.features, fake.samples, (fake.labels + 1) % 10, fake.class_logits)  # type: ignore[operator]
    assert ClassAgreement()(real, wrong)["class_agreement"] < 0.03


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (side(None, [1]), side([0], [1]), "the reference has no labels"),
        (REAL, side(None, [1]), "the recipe is not conditional"),
        (side([0], None), side([0], [1]), "needs an extractor with a classifier"),
        (REAL, side([0, 2], [17, 5]), "the reference has none with the label 2"),
        (side([0, 1], [4, 4]), side([0], [4]), "cannot tell the labels 0 and 1 apart"),
    ],
)
def test_missing_inputs_are_named_in_the_error(
    real: Evaluated, fake: Evaluated, words: str
) -> None:
    with pytest.raises(DataError, match=words) as raised:
        ClassAgreement()(real, fake)
    assert raised.value.hint == "remove class-agreement from eval.metrics"
