import torch
from ganzoo_zoo.datasets.digits import FILE, SPLITS, Digits, StackedDigits
from safetensors import safe_open


def test_the_splits_together_are_the_test_set_of_uci() -> None:
    # Counts by class: optdigits.names, UCI Machine Learning Repository, doi:10.24432/C50P49.
    published = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    counts = [Digits(split).tensors()[1].bincount() for split in SPLITS]
    assert sum(counts).tolist() == published
    assert [len(Digits(split)) for split in SPLITS] == [599, 599, 599]


def test_classes_are_as_even_among_the_splits_as_they_can_be() -> None:
    counts = torch.stack([Digits(split).tensors()[1].bincount() for split in SPLITS])
    assert (counts.amax(0) - counts.amin(0)).max() <= 1


def test_the_first_zero_of_the_file_is_the_first_of_train() -> None:
    # First line of optdigits.tes: two rows of eight levels in 0..16, and the label.
    rows = torch.tensor([[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]])
    image, label = Digits("train")[0]
    assert label == 0
    assert torch.equal(image[0, :2].long(), (rows * 255 / 16).round().long())


def test_the_file_carries_its_attribution() -> None:
    with safe_open(FILE, "pt") as file:
        header = str(file.metadata())
    for word in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "changes", "uint8"):
        assert word in header


def test_enlarged_digits_are_the_same_digits() -> None:
    small, labels = Digits("train", size=8).tensors()
    for size in (16, 32):
        large, large_labels = Digits("train", size=size).tensors()
        shrunk = torch.nn.functional.avg_pool2d(large.float(), size // 8)
        assert torch.equal(labels, large_labels)
        both = torch.stack([shrunk.flatten(), small.float().flatten()])
        assert both.corrcoef()[0, 1] > 0.99


def test_the_channels_of_a_stack_are_the_digits_that_its_label_says() -> None:
    digits, classes = Digits("test").tensors()
    of_image = {image.numpy().tobytes(): int(label) for image, label in zip(digits, classes)}  # noqa: B905
    for image, label in list(StackedDigits("test", length=50)):
        red, green, blue = (of_image[channel.numpy().tobytes()] for channel in image)
        assert label == 100 * red + 10 * green + blue


def test_a_stack_of_default_length_has_all_thousand_modes_in_even_numbers() -> None:
    counts = StackedDigits("train").tensors()[1].bincount(minlength=1000)
    assert counts.sum() == 25_600
    assert counts.min() > 0
    # 25.6 a mode: a Poisson law's sd is 5.1, and the uneven classes of the split add little.
    assert 4.5 < counts.float().std() < 6


def test_more_stacks_leave_the_first_ones_unchanged() -> None:
    few, many = StackedDigits("train", length=5), StackedDigits("train", length=50)
    assert torch.equal(few.tensors()[0], many.tensors()[0][:5])
