"""What every network of the zoo does: on square, oblong and odd images, and on points."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from ganzoo_zoo.networks import biggan, biggan_deep, dcgan, mlp, resnet, sagan
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganzoo.api import DiscriminatorOutput, SampleSpec

pytestmark = pytest.mark.slow


def image(*shape: int) -> SampleSpec:
    return SampleSpec("image", shape, classes=3)


class Case(NamedTuple):
    """One network as a recipe would ask for it."""

    factory: Callable[..., nn.Module]
    spec: SampleSpec
    parameters: dict[str, Any]

    def build(self) -> nn.Module:
        torch.manual_seed(0)
        return self.factory(self.spec, **self.parameters)

    def inputs(self, network: nn.Module, batch: int = 4) -> tuple[Tensor, Tensor]:
        """Return latents for a generator or samples for a discriminator, and labels."""
        torch.manual_seed(1)
        latent_dim = getattr(network, "latent_dim", None)
        shape = (latent_dim,) if latent_dim else self.spec.model_shape
        return torch.randn(batch, *shape), torch.arange(batch) % self.spec.classes


def cases(*rows: tuple[Callable[..., nn.Module], SampleSpec, dict[str, Any]]) -> list[Any]:
    """Return every row, unconditional and conditional, as a pytest parameter with a name."""
    found = []
    for factory, spec, parameters in rows:
        for conditional in (False, True):
            words = [factory.__module__.rsplit(".")[-1], "x".join(map(str, spec.shape))]
            words += [key for key, value in parameters.items() if isinstance(value, bool)]
            words += ["conditional"] * conditional
            case = Case(factory, spec, parameters | {"conditional": conditional})
            found.append(pytest.param(case, id="-".join(words)))
    return found


POINTS = SampleSpec("vector", (2,), classes=3)
ODD, OBLONG = image(2, 31, 33), image(3, 12, 20)

generators = pytest.mark.parametrize(
    "case",
    cases(
        (mlp.Generator, POINTS, {"width": 8, "latent_dim": 5}),
        (mlp.Generator, OBLONG, {"width": 8, "latent_dim": 5, "batch_norm": True}),
        (dcgan.Generator, image(1, 8, 8), {"width": 8, "latent_dim": 5}),
        (dcgan.Generator, OBLONG, {"width": 4, "latent_dim": 5, "spectral_norm": True}),
        (dcgan.Generator, ODD, {"width": 4, "latent_dim": 5}),
        (resnet.Generator, image(1, 8, 8), {"width": 8, "latent_dim": 5}),
        (resnet.Generator, OBLONG, {"width": 4, "latent_dim": 5, "spectral_norm": True}),
        (resnet.Generator, ODD, {"width": 4, "max_width": 8, "latent_dim": 5}),
        (sagan.Generator, image(1, 8, 8), {"width": 8, "latent_dim": 5}),
        (sagan.Generator, ODD, {"width": 8, "latent_dim": 5}),
        (biggan.Generator, image(1, 8, 8), {"width": 2, "latent_chunk": 3, "class_dim": 4}),
        (biggan.Generator, ODD, {"width": 2, "latent_chunk": 3, "class_dim": 4}),
        (biggan_deep.Generator, ODD, {"width": 4, "latent_dim": 5, "class_dim": 4}),
    ),
)
discriminators = pytest.mark.parametrize(
    "case",
    cases(
        (mlp.Discriminator, POINTS, {"width": 8}),
        (mlp.Discriminator, POINTS, {"width": 8, "fourier": 6}),
        (mlp.Discriminator, OBLONG, {"width": 8, "spectral_norm": True}),
        (dcgan.Discriminator, image(1, 8, 8), {"width": 8}),
        (dcgan.Discriminator, OBLONG, {"width": 4, "spectral_norm": True}),
        (dcgan.Discriminator, ODD, {"width": 4, "batch_norm": False}),
        (resnet.Discriminator, image(1, 8, 8), {"width": 8}),
        (resnet.Discriminator, OBLONG, {"width": 4, "spectral_norm": True}),
        (resnet.Discriminator, ODD, {"width": 4, "max_width": 8}),
        (resnet.Discriminator, OBLONG, {"width": 4, "batch_norm": True}),
        (sagan.Discriminator, image(1, 8, 8), {"width": 8}),
        (sagan.Discriminator, ODD, {"width": 8}),
        (biggan.Discriminator, image(1, 8, 8), {"width": 4}),
        (biggan.Discriminator, ODD, {"width": 4}),
        (biggan_deep.Discriminator, OBLONG, {"width": 4}),
        (biggan_deep.Discriminator, ODD, {"width": 4}),
    ),
)

EVERY = [
    pytest.param(row.values[0], id=f"{row.values[0].factory.__name__[0]}-{row.id}")
    for row in [*generators.args[1], *discriminators.args[1]]
]
both = pytest.mark.parametrize("case", EVERY)


def tensors(output: Tensor | DiscriminatorOutput) -> list[Tensor]:
    """Return all that a network returned."""
    return [output] if isinstance(output, Tensor) else [output.logits, *output.features]


def perturbed(network: nn.Module) -> nn.Module:
    """Move every parameter off whatever symmetry it started from."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@generators
def test_samples_have_the_shape_and_range_of_the_model_form(case: Case) -> None:
    generator = case.build()
    samples = generator(*case.inputs(generator))
    assert samples.shape == (4, *case.spec.model_shape)
    assert samples.dtype == torch.float32
    assert samples.isfinite().all()
    if "unbounded" not in generator.capabilities:
        assert samples.abs().max() <= 1


@discriminators
def test_a_discriminator_returns_one_logit_per_sample_and_features_with_the_batch_first(
    case: Case,
) -> None:
    discriminator = case.build()
    output = discriminator(*case.inputs(discriminator))
    assert output.logits.shape == (4,)
    assert len(output.features) > 1
    assert all(feature.shape[0] == 4 for feature in output.features)
    assert all(tensor.dtype == torch.float32 for tensor in tensors(output))
    assert all(tensor.isfinite().all() for tensor in tensors(output))


@both
def test_every_parameter_gets_a_gradient(case: Case) -> None:
    network = perturbed(case.build())
    output = tensors(network(*case.inputs(network)))
    sum(tensor.square().sum() for tensor in output).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@both
def test_labels_matter_exactly_where_the_network_says_that_it_is_conditional(case: Case) -> None:
    network = perturbed(case.build()).eval()
    x, y = case.inputs(network)
    changed = tensors(network(x, y))[0] != tensors(network(x, (y + 1) % 3))[0]
    conditional = "conditional" in network.capabilities
    assert changed.reshape(4, -1).any(1).tolist() == [conditional] * 4


@both
def test_only_a_conditional_network_needs_labels_and_says_so(case: Case) -> None:
    network = case.build()
    x, _ = case.inputs(network)
    if "conditional" in network.capabilities:
        with pytest.raises(ValueError, match="needs labels"):
            network(x)
    else:
        network(x)


@both
def test_a_conditional_network_of_unlabelled_data_is_refused(case: Case) -> None:
    unlabelled = SampleSpec(case.spec.modality, case.spec.shape)
    if case.parameters["conditional"]:
        with pytest.raises(ValueError, match="has no classes"):
            case.factory(unlabelled, **case.parameters)
    else:
        case.factory(unlabelled, **case.parameters)


@generators
def test_in_evaluation_mode_a_sample_depends_on_its_own_latent_and_label_alone(case: Case) -> None:
    generator = case.build()
    z, y = case.inputs(generator)
    generator(z, y)
    generator.eval()
    with torch.no_grad():
        alone = torch.cat([generator(z[i : i + 1], y[i : i + 1]) for i in range(4)])
        torch.testing.assert_close(generator(z, y), alone)


@discriminators
def test_samples_of_a_batch_affect_each_other_exactly_if_the_discriminator_declares_it(
    case: Case,
) -> None:
    discriminator = case.build()
    x, y = case.inputs(discriminator)
    other = x.clone()
    other[1:] += 1
    with torch.no_grad():
        here = copy.deepcopy(discriminator)(x, y).logits[0]
        there = copy.deepcopy(discriminator)(other, y).logits[0]
    assert torch.equal(here, there) == ("batch-coupled" not in discriminator.capabilities)


@discriminators
def test_the_gradient_of_a_gradient_penalty_agrees_with_finite_differences(case: Case) -> None:
    discriminator = perturbed(case.build()).double().eval()
    x, y = case.inputs(discriminator)
    x = x.double().requires_grad_()
    parameters = list(discriminator.parameters())
    direction = [torch.randn_like(parameter) for parameter in parameters]

    def penalty() -> Tensor:
        logits = discriminator(x, y).logits
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return gradient.square().sum()

    def penalty_at(distance: float) -> float:
        with torch.no_grad():
            for parameter, delta in zip(parameters, direction, strict=True):
                parameter.add_(distance * delta)
        value = penalty().item()
        with torch.no_grad():
            for parameter, delta in zip(parameters, direction, strict=True):
                parameter.sub_(distance * delta)
        return value

    gradients = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    slope = sum(
        (gradient * delta).sum().item()
        for gradient, delta in zip(gradients, direction, strict=True)
        if gradient is not None
    )
    step = 1e-7
    assert (penalty_at(step) - penalty_at(-step)) / (2 * step) == pytest.approx(slope, rel=1e-4)


@both
def test_a_copy_and_a_restored_network_give_the_same_output(case: Case) -> None:
    network = perturbed(case.build())
    x, y = case.inputs(network)
    network(x, y)
    restored = case.factory(case.spec, **case.parameters)
    restored.load_state_dict(network.state_dict(), strict=True)
    copied = copy.deepcopy(network)
    expected = tensors(network.eval()(x, y))[0]
    assert torch.equal(tensors(restored.eval()(x, y))[0], expected)
    assert torch.equal(tensors(copied.eval()(x, y))[0], expected)


@both
def test_under_bf16_autocast_the_output_is_finite_and_near_that_of_fp32(case: Case) -> None:
    network = case.build().eval()
    x, y = case.inputs(network)
    with torch.no_grad():
        expected = tensors(network(x, y))[0]
        with torch.autocast("cpu", torch.bfloat16):
            found = tensors(network(x, y))[0]
    torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)


@both
def test_channels_last_changes_nothing_but_the_strides(case: Case) -> None:
    network = case.build().eval()
    x, y = case.inputs(network)
    expected = tensors(network(x, y))[0]
    network = network.to(memory_format=torch.channels_last)
    if x.ndim == 4:
        x = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(tensors(network(x, y))[0], expected)


@pytest.mark.parametrize("case", [row for row in EVERY if row.id.endswith("conditional")])
def test_shapes_can_be_computed_without_data(case: Case) -> None:
    with FakeTensorMode():
        network = case.build()
        output = tensors(network(*case.inputs(network)))
        sum(tensor.sum() for tensor in output).backward()
        assert all(p.grad is not None and p.grad.shape == p.shape for p in network.parameters())


@generators
def test_an_exported_generator_gives_the_same_samples_at_any_batch_size(case: Case) -> None:
    generator = case.build().eval()
    batch = torch.export.Dim("batch", min=1)
    inputs = case.inputs(generator, 2)
    if not case.parameters["conditional"]:
        inputs = inputs[:1]
    program = torch.export.export(
        generator, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs)
    )
    for size in (1, 3):
        more = case.inputs(generator, size)[: len(inputs)]
        torch.testing.assert_close(program.module()(*more), generator(*more))


@pytest.mark.parametrize("module", [dcgan, resnet, sagan, biggan, biggan_deep])
def test_an_odd_image_is_the_centre_of_one_that_fits(module: Any) -> None:
    fitting, x = image(2, 32, 40), torch.randn(2, 2, 31, 33)
    generator = module.Generator(fitting, width=4)
    cropping = module.Generator(ODD, width=4)
    cropping.load_state_dict(generator.state_dict())
    z = torch.randn(2, generator.latent_dim)
    torch.testing.assert_close(cropping(z), generator(z)[:, :, :31, 3:36])

    discriminator = module.Discriminator(fitting, width=4)
    padding = module.Discriminator(ODD, width=4)
    padding.load_state_dict(discriminator.state_dict())
    padded = torch.zeros(2, 2, 32, 40)
    padded[:, :, :31, 3:36] = x
    torch.testing.assert_close(padding(x).logits, discriminator(padded).logits)


def test_batch_norm_and_spectral_norm_in_one_discriminator_are_refused() -> None:
    with pytest.raises(ValueError, match="choose one"):
        dcgan.Discriminator(ODD, spectral_norm=True, batch_norm=True)


def test_spectral_norm_takes_the_place_of_batch_norm() -> None:
    normed = dcgan.Discriminator(ODD, width=4, spectral_norm=True)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in normed.modules())
    assert "batch-coupled" not in normed.capabilities
    assert "batch-coupled" in dcgan.Discriminator(ODD, width=4).capabilities


def test_without_any_norm_a_fresh_dcgan_discriminator_keeps_the_scale_of_its_input() -> None:
    torch.manual_seed(0)
    discriminator = dcgan.Discriminator(image(1, 32, 32), width=8, batch_norm=False)
    *_, last = discriminator(torch.randn(16, 1, 32, 32)).features
    assert 0.5 < last.square().mean().sqrt().item() < 2


@pytest.mark.parametrize("factory", [resnet.Generator, resnet.Discriminator])
def test_a_max_width_below_the_width_is_refused(factory: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="max_width: 8 is below width: 16"):
        factory(OBLONG, width=16, max_width=8)


@pytest.mark.parametrize("parameters", [{"downsamplings": 3}, {"downsamplings": 4, "blocks": 5}])
def test_more_downsamplings_than_blocks_or_pixels_are_refused(parameters: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="too many"):
        resnet.Discriminator(image(1, 8, 8), **parameters)


def test_fourier_features_are_a_sine_and_a_cosine_of_random_frequencies() -> None:
    discriminator = mlp.Discriminator(POINTS, width=1, depth=1, fourier=4000, fourier_scale=0.5)
    frequencies = discriminator.get_buffer("frequencies")  # (2, 4000)
    assert frequencies.std().item() == pytest.approx(torch.pi, rel=0.05)
    assert "frequencies" in discriminator.state_dict()
    layer = discriminator.hidden[0][0]
    for column, of_angle in ((2 + 7, torch.sin), (2 + 4000 + 7, torch.cos)):
        with torch.no_grad():
            layer.weight.zero_()[0, column] = 1
            layer.bias.fill_(2)  # leaky ReLU changes nothing
        x = torch.randn(5, 2)
        (feature,) = discriminator(x).features
        torch.testing.assert_close(feature[:, 0] - 2, of_angle(x @ frequencies)[:, 7])
    assert "frequencies" not in mlp.Discriminator(POINTS).state_dict()
