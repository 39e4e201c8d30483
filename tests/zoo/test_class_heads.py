"""Class heads and self-supervised heads against closed forms, in float64 (heads.json)."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganzoo_zoo.blocks.heads import CLASS_WORDS, WORDS
from ganzoo_zoo.blocks.labels import Projection
from ganzoo_zoo.losses.multi_hinge import MultiHinge
from ganzoo_zoo.networks import biggan, biggan_deep, dcgan, resnet, sagan, stylegan2
from ganzoo_zoo.regularizers.auxiliary_classifier import (
    AuxiliaryClassifier,
    DiscriminativeClassifier,
    TwinAuxiliaryClassifier,
)
from ganzoo_zoo.regularizers.contrastive import ConditionalContrastive, DataToDataCrossEntropy
from ganzoo_zoo.regularizers.infomax import InfoMax
from ganzoo_zoo.regularizers.orthogonal import Orthogonal
from ganzoo_zoo.regularizers.rotation import Rotation
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganzoo.api import DiscriminatorOutput, SampleSpec

REFERENCE = json.loads((Path(__file__).parent / "heads.json").read_text())
TINY = SampleSpec("image", (3, 8, 8), classes=4)


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def output(**extra: Any) -> DiscriminatorOutput:
    """Return what D returns, with these heads; `classes` are its class logits."""
    classes = extra.pop("classes", None)
    found = {
        name: each if isinstance(each, Tensor) else doubles(each) for name, each in extra.items()
    }
    features = (found.pop("features"),) if "features" in found else ()
    class_logits = None if classes is None else doubles(classes)
    rows = len(class_logits) if class_logits is not None else len(next(iter(found.values())))
    return DiscriminatorOutput(doubles([0.0] * rows), features, class_logits, found)


def one_process(**fields: Any) -> Any:
    """Return a game of one process with these fields."""
    rows = fields.pop("rows", None)
    count = len(fields.get("labels", ())) or len(fields.get("fake_labels", ())) or rows
    return SimpleNamespace(
        gather=lambda t: t, mean=lambda t: t, rows=torch.arange(count or 0), **fields
    )


def total(terms: Any) -> float:
    return float(sum(terms.values()).detach())


# --- classifiers ---------------------------------------------------------------------------------

HEADS = REFERENCE["class_heads"]
GIVEN = HEADS["in"]


def game_of_classes() -> Any:
    return one_process(
        labels=torch.tensor(GIVEN["y_real"]),
        fake_labels=torch.tensor(GIVEN["y_fake"]),
        real_output=output(classes=GIVEN["C_real"], discriminative_class_logits=GIVEN["ADC_real"]),
        fake_output=output(
            classes=GIVEN["C_fake"],
            twin_class_logits=GIVEN["Cmi_fake"],
            discriminative_class_logits=GIVEN["ADC_fake"],
        ),
    )


@pytest.mark.parametrize(
    ("regularizer", "d", "g"),
    [
        (
            AuxiliaryClassifier(),
            "AC StudioGAN and TAC repo, D: CE(C_real)",
            "AC G: CE(C_fake)",
        ),
        (
            AuxiliaryClassifier(learn_from_fake=True),
            "AC original (both players): CE(C_real,y)+CE(C_fake,y)",
            "AC G: CE(C_fake)",
        ),
        (
            TwinAuxiliaryClassifier(),
            "TAC D: CE(C_real)+CE(Cmi_fake)",
            "TAC G: CE(C_fake)-CE(Cmi_fake)",
        ),
        (
            DiscriminativeClassifier(),
            "ADC interleaved D: CE(ADC_real,2y)+CE(ADC_fake,2y+1)",
            "ADC interleaved G: CE(ADC_fake,2y)-CE(ADC_fake,2y+1)",
        ),
    ],
)
def test_auxiliary_classifiers_are_the_closed_forms(regularizer: Any, d: str, g: str) -> None:
    game = game_of_classes()
    assert total(regularizer.discriminator(game)) == pytest.approx(HEADS[d], abs=1e-9)
    assert total(regularizer.generator(game)) == pytest.approx(HEADS[g], abs=1e-9)


def test_the_twin_classifier_learns_from_generated_samples_and_g_unlearns_it() -> None:
    game = game_of_classes()
    twin = game.fake_output.extra["twin_class_logits"].requires_grad_()
    slopes = [
        torch.autograd.grad(total_of, twin)[0]
        for total_of in (
            TwinAuxiliaryClassifier().discriminator(game)["twin_fake"],
            TwinAuxiliaryClassifier().generator(game)["twin_fake"],
        )
    ]
    torch.testing.assert_close(slopes[0], -slopes[1])
    own = slopes[0].gather(1, game.fake_labels[:, None])
    assert (own < 0).all()


def test_projection_adds_the_inner_product_with_the_row_of_the_label() -> None:
    about = REFERENCE["projection"]
    given = about["in"]
    h, y = doubles(given["h"]), torch.tensor(given["y"])
    projection = Projection(3, 4).double()
    projection.weight.data = doubles(given["V"])
    logits = h @ doubles(given["w"]) + given["b"] + projection(h, y)
    assert logits.tolist() == pytest.approx(about["w.h+b+V_y.h"], abs=1e-12)


def test_multi_hinge_is_the_closed_form_and_matches_features_that_carry_no_gradient() -> None:
    about = REFERENCE["multi_hinge"]
    given = about["in"]
    real_features = doubles(given["h_real"]).requires_grad_()
    game = one_process(
        labels=torch.tensor(given["y_real"]),
        fake_labels=torch.tensor(given["y_fake"]),
        real_output=output(multi_hinge=given["out_real"], features=real_features),
        fake_output=output(multi_hinge=given["out_fake"], features=given["h_fake"]),
    )
    d, g = MultiHinge().discriminator(game), MultiHinge().generator(game)
    assert d["real"].item() == pytest.approx(about["MH(real,y)"], abs=1e-9)
    assert d["fake"].item() == pytest.approx(about["MH(fake,K)"], abs=1e-9)
    assert total(g) == pytest.approx(about["G: 0.05*MH(fake,y)+1.0*FM_L1"], abs=1e-9)
    assert not g["features"].requires_grad


def test_the_logit_of_a_multi_hinge_head_is_the_margin_of_the_best_class_over_generated() -> None:
    torch.manual_seed(0)
    network = resnet.Discriminator(TINY, width=8, head="multi-hinge")
    found = network(torch.randn(5, 3, 8, 8))
    o = found.extra["multi_hinge"]
    assert o.shape == (5, 5)
    torch.testing.assert_close(found.logits, o[:, :4].amax(1) - o[:, 4])


# --- contrast ------------------------------------------------------------------------------------

CONTRAST = REFERENCE["contrastive"]
EMBEDDINGS = doubles(CONTRAST["in"]["embed"])
PROXIES = doubles(CONTRAST["in"]["proxy"])
LABELS = torch.tensor(CONTRAST["in"]["label"])


def contrasted(regularizer: Any, embed: Tensor, rows: slice = slice(None)) -> Tensor:
    """Return the term of D, for embeddings and the proxies of their labels."""
    f, y = normalize(embed[rows]), LABELS[rows]
    of_labels = normalize(PROXIES)  # one for each row; rows of one label have the same
    table = torch.stack([of_labels[label == LABELS][0] for label in LABELS.unique()])
    head = output(embedding=f, proxy_similarity=f @ table.T)
    (term,) = regularizer.discriminator(one_process(labels=y, real_output=head)).values()
    return term


@pytest.mark.parametrize(
    ("regularizer", "name"),
    [
        (ConditionalContrastive(temperature=1.0), "2C t=1"),
        (ConditionalContrastive(temperature=0.5), "2C t=0.5"),
        (ConditionalContrastive(temperature=0.1), "2C t=0.1"),
        (DataToDataCrossEntropy(), "D2DCE paper eq., t=.5 m_p=.98 m_n=.02"),
        (DataToDataCrossEntropy(form="studiogan"), "D2DCE StudioGAN, same"),
        (DataToDataCrossEntropy(temperature=0.25, margin=0.9), "D2DCE paper t=.25 m_p=.9"),
        (
            DataToDataCrossEntropy(temperature=0.25, margin=0.9, form="studiogan"),
            "D2DCE StudioGAN t=.25 m_p=.9",
        ),
    ],
)
def test_contrastive_terms_are_the_closed_forms(regularizer: Any, name: str) -> None:
    assert contrasted(regularizer, EMBEDDINGS).item() == pytest.approx(CONTRAST[name], abs=1e-9)


@pytest.mark.parametrize(
    ("regularizer", "name"),
    [
        (ConditionalContrastive(), "2C grad embed t=1"),
        (DataToDataCrossEntropy(), "D2DCE paper grad embed t=.5"),
        (DataToDataCrossEntropy(form="studiogan"), "D2DCE StudioGAN grad embed t=.5"),
    ],
)
def test_contrastive_gradients_of_the_embeddings_are_the_closed_forms(
    regularizer: Any, name: str
) -> None:
    embed = EMBEDDINGS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(contrasted(regularizer, embed), embed)
    torch.testing.assert_close(gradient, doubles(CONTRAST[name]), atol=1e-9, rtol=0)


def test_without_the_rows_of_the_other_process_the_contrast_is_another_number() -> None:
    halves = [contrasted(ConditionalContrastive(), EMBEDDINGS, rows) for rows in HALVES]
    apart = CONTRAST["2C rows 0-1 and 2-3 apart then averaged (two ranks, no gather) t=1"]
    assert (sum(halves) / 2).item() == pytest.approx(apart, abs=1e-9)
    assert apart != pytest.approx(CONTRAST["2C t=1"], abs=0.1)


HALVES = (slice(0, 2), slice(2, 4))


@pytest.mark.parametrize("regularizer", [ConditionalContrastive(), DataToDataCrossEntropy()])
@pytest.mark.parametrize("count", [1, 4])
def test_where_all_labels_are_equal_there_is_nothing_to_contrast_and_no_nan(
    regularizer: Any, count: int
) -> None:
    embed = EMBEDDINGS[:count].clone().requires_grad_()
    f = normalize(embed)
    y = torch.zeros(count, dtype=torch.int64)
    head = output(embedding=f, proxy_similarity=f @ normalize(PROXIES).T)
    (term,) = regularizer.discriminator(one_process(labels=y, real_output=head)).values()
    (gradient,) = torch.autograd.grad(term, embed)
    assert term.item() == pytest.approx(0, abs=1e-12)
    assert gradient.isfinite().all()


# --- self-supervision ----------------------------------------------------------------------------


def test_infomax_is_the_closed_form_and_mimicrys_value() -> None:
    about = REFERENCE["infomax"]
    local = doubles(about["local (N x R x positions)"])[..., None]
    head = output(**{"local": local, "global": doubles(about["global (N x R x 1)"])[..., 0]})
    game = one_process(rows=2, real_output=head)
    exact = InfoMax().discriminator(game)["infomax"].item()
    assert exact == pytest.approx(about["self entries left out (paper)"], abs=1e-9)
    mimicry = InfoMax(own="lowered").discriminator(game)["infomax"].item()
    assert mimicry == pytest.approx(about["self entries set to -10 (mimicry)"], abs=1e-9)
    assert mimicry == pytest.approx(about["value"], abs=1e-9)


class Turned:
    """A game whose D names the quarter turns of an image from where its bright corner is."""

    labels = fake_labels = None

    def __init__(self, x: Tensor) -> None:
        self.real = self.fake = x

    def augment(self, x: Tensor) -> Tensor:
        return x

    def discriminate(self, x: Tensor, y: Any, augment: bool) -> DiscriminatorOutput:
        assert not augment
        corners = [x[:, 0, 0, 0], x[:, 0, -1, 0], x[:, 0, -1, -1], x[:, 0, 0, -1]]
        return output(rotation=torch.stack(corners, 1).double())


@pytest.mark.parametrize("all_turns", [False, True])
def test_rotation_asks_for_the_turns_that_were_made_and_weighs_the_players(all_turns: bool) -> None:
    x = torch.zeros(8, 1, 4, 4)
    x[:, 0, 0, 0] = 10  # a quarter turn moves the top left corner to the bottom left
    regularizer = Rotation(alpha=0.2, beta=1.0, all_turns=all_turns)
    right = float(doubles([10, 0, 0, 0]).log_softmax(0)[0].neg())
    game: Any = Turned(x)
    assert total(regularizer.discriminator(game)) == pytest.approx(right, rel=1e-4)
    assert total(regularizer.generator(game)) == pytest.approx(0.2 * right, rel=1e-4)


# --- weights -------------------------------------------------------------------------------------


def test_orthogonal_regularization_is_the_closed_form_and_twice_biggan_pytorch() -> None:
    about = REFERENCE["orthogonal"]
    layer = nn.Linear(4, 3).double()
    layer.weight.data = doubles(about["W"])
    network = nn.ModuleList([layer, nn.Embedding(2, 5), nn.BatchNorm2d(3)])
    game: Any = SimpleNamespace(generator_module=network, latents=torch.zeros(1))
    term = Orthogonal(beta=1.0).generator(game)["orthogonal"]
    assert term.item() == pytest.approx(about["|W W^T o (1-I)|_F^2"], abs=1e-6)
    (gradient,) = torch.autograd.grad(term, layer.weight)
    torch.testing.assert_close(gradient, doubles(about["true gradient"]), atol=1e-6, rtol=0)
    theirs = doubles(about["BigGAN-PyTorch adds (per unit strength)"])
    torch.testing.assert_close(gradient, 2 * theirs, atol=1e-6, rtol=0)


def test_orthogonal_regularization_reaches_the_weights_under_spectral_norm() -> None:
    generator = biggan.Generator(TINY, width=4, conditional=True)
    game: Any = SimpleNamespace(generator_module=generator, latents=torch.zeros(1))
    Orthogonal().generator(game)["orthogonal"].backward()
    for name, parameter in generator.named_parameters():
        weighted = "parametrizations" in name
        assert (parameter.grad is not None) == weighted, name


# --- the heads of a discriminator ----------------------------------------------------------------


@pytest.mark.parametrize("module", [dcgan, resnet, sagan, biggan])
@pytest.mark.parametrize("word", WORDS)
def test_a_head_gives_d_the_capabilities_and_the_outputs_that_it_is_for(
    module: Any, word: str
) -> None:
    name = "self_supervision" if word in ("rotation", "infomax") else "head"
    network = module.Discriminator(TINY, width=8, conditional=False, **{name: word})
    assert WORDS[word] <= network.capabilities
    assert not (set().union(*WORDS.values()) - WORDS[word]) & network.capabilities
    found = network(torch.randn(2, 3, 8, 8))
    kinds = {each.removeprefix("zoo/").replace("-", "_") for each in WORDS[word]}
    given = set(found.extra) | ({"class_logits"} if found.class_logits is not None else set())
    renamed = {"infomax": {"local", "global"}, "embedding": {"embedding", "proxy_similarity"}}
    assert given == renamed.get(word, kinds)


@pytest.mark.parametrize("module", [dcgan, resnet, biggan_deep])
@pytest.mark.parametrize("word", WORDS)
def test_every_parameter_gets_a_gradient_through_what_d_returns(module: Any, word: str) -> None:
    torch.manual_seed(0)
    name = "self_supervision" if word in ("rotation", "infomax") else "head"
    fixed = {"attention": 0} if module is biggan_deep else {"spectral_norm": True}
    network = module.Discriminator(TINY, width=8, **fixed, **{name: word})
    found = network(torch.randn(3, 3, 8, 8))
    parts = [found.logits, *found.extra.values()]
    parts += [] if found.class_logits is None else [found.class_logits]
    assert all(part.shape[0] == 3 for part in parts)
    weights = [torch.randn_like(part) for part in parts]
    sum((part * weight).sum() for part, weight in zip(parts, weights, strict=True)).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("head", [word for word in WORDS if WORDS[word] <= CLASS_WORDS])
def test_stylegan2s_heads_read_its_last_hidden_layer(head: Any) -> None:
    torch.manual_seed(0)
    network = stylegan2.Discriminator(
        TINY, channel_base=64, channel_max=8, conditional=True, head=head, embedding_dim=5
    )
    assert network.capabilities == WORDS[head] | {"features", "graph-safe"}
    found = network(torch.randn(4, 3, 8, 8))
    again = network.heads(network.logit(found.features[-1]), found.features[-1], found.features)
    assert found.extra.keys() == again.extra.keys()
    for name, each in again.extra.items():
        torch.testing.assert_close(found.extra[name], each)
    parts = [found.logits, *found.extra.values()]
    parts += [] if found.class_logits is None else [found.class_logits]
    sum((part * torch.randn_like(part)).sum() for part in parts).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    if head == "embedding":
        assert found.extra["embedding"].shape == (4, 5)


def test_a_head_of_classes_takes_the_place_of_projection() -> None:
    network = resnet.Discriminator(TINY, width=8, conditional=True, head="classifier")
    assert "conditional" not in network.capabilities
    assert network(torch.randn(2, 3, 8, 8)).class_logits.shape == (2, 4)


@pytest.mark.parametrize(
    ("spec", "parameters", "words"),
    [
        (SampleSpec("image", (3, 8, 8)), {"head": "classifier"}, "has no classes"),
        (SampleSpec("image", (3, 8, 12)), {"self_supervision": "rotation"}, "square images"),
        (TINY, {"self_supervision": "infomax", "blocks": 1}, "at least two blocks"),
        (TINY, {"batch_norm": True, "spectral_norm": True}, "choose one"),
    ],
)
def test_a_head_that_cannot_work_is_refused(
    spec: SampleSpec, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        resnet.Discriminator(spec, width=8, **parameters)
