import numpy as np
import pytest

from mtlviz.analysis.collapse.duality import duality
from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.regression import form_error, outside_principal, outside_span, variance_shares
from mtlviz.analysis.collapse.statistics import (
    balanced_weights,
    cdnv,
    centred,
    centred_products,
    distance_variation,
    evenly,
    frame_statistics,
    pinv_ratio,
    pixel_weights,
    products,
    trace_quotient,
)
from mtlviz.models.etf import simplex_etf
from tests.analysis import collapse_direct as direct

K, WIDTH = 5, 9


@pytest.fixture
def etf():
    """Vertices as rows, away from the origin."""
    return 3.0 * simplex_etf(K, WIDTH, seed=1).double().numpy().T + np.linspace(-2, 5, WIDTH)


@pytest.fixture
def clouds(rng):
    """Unequal clouds of unequal size: features and labels."""
    counts = [400, 120, 60, 30, 11]
    labels = np.repeat(np.arange(K), counts)
    mixing = rng.normal(size=(K, WIDTH, WIDTH)) / 4
    features = rng.normal(size=(len(labels), WIDTH))
    features = np.einsum("ne,nef->nf", features, mixing[labels]) + 2 * rng.normal(size=(K, WIDTH))[labels] + 7
    return features, labels


def uniform(number=K):
    return np.full(number, 1 / number)


def moments(features, labels):
    parts = direct.groups_of(features, labels)
    means = np.stack([part.mean(0) for part in parts])
    covariances = np.stack([np.cov(part.T, bias=True) for part in parts])
    return np.array([len(part) for part in parts], float), means, covariances


def everything(means, covariances, weights):
    gram = products(means)
    variances = np.trace(covariances, axis1=1, axis2=2)
    about, even = centred_products(gram, weights), centred_products(gram, evenly(weights))
    return {
        "pinv": pinv_ratio(means, covariances, weights),
        "quotient": float(trace_quotient(about, variances, weights)),
        "cdnv": float(cdnv(gram, variances, weights)),
        "distances": float(distance_variation(gram, weights)),
        **{key: float(value) for key, value in frame_statistics(even, weights).items()},
    }


def test_an_exact_frame_without_spread_has_collapsed(etf):
    found = everything(etf, np.zeros((K, WIDTH, WIDTH)), uniform())
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-7)
    dual = duality(etf, 0.2 * centred(etf, uniform()) + 4, np.zeros(K), uniform())
    assert dual["self_duality"] == pytest.approx(0, abs=1e-12)
    assert dual["structure"] == pytest.approx(0, abs=1e-7)
    assert dual["cosine"] == pytest.approx(1)
    assert dual["cosine_spread"] == pytest.approx(0, abs=1e-7)
    assert dual["uniform"] == pytest.approx(0, abs=1e-7)


def test_round_clouds_on_a_frame_have_the_nc1_of_their_variance(etf):
    """Vertices of length 3 around their centre: S_B has K - 1 eigenvalues 9 / (K - 1), |m - m'|^2 = 18 K / (K - 1)."""
    variance = 0.25
    found = everything(etf, np.tile(variance * np.eye(WIDTH), (K, 1, 1)), uniform())
    assert found["pinv"] == pytest.approx((K - 1) * variance * (K - 1) / 9 / K)
    assert found["quotient"] == pytest.approx(WIDTH * variance / 9)
    assert found["cdnv"] == pytest.approx(WIDTH * variance / (18 * K / (K - 1)))


@pytest.mark.parametrize("weigh", [balanced_weights, pixel_weights])
def test_statistics_are_those_of_the_direct_definitions(clouds, weigh, rng):
    counts, means, covariances = moments(*clouds)
    weights = weigh(counts, 1)
    found = everything(means, covariances, weights)
    assert found["pinv"] == pytest.approx(direct.nc1_pinv(*clouds, weights), rel=1e-9)
    assert found["quotient"] == pytest.approx(direct.nc1_quotient(*clouds, weights), rel=1e-12)
    assert found["cdnv"] == pytest.approx(direct.nc1_cdnv(*clouds, weights), rel=1e-12)
    assert {key: found[key] for key in direct.nc2(*clouds, weights)} == pytest.approx(direct.nc2(*clouds, weights))
    classifier = rng.normal(size=(K, WIDTH))
    dual = duality(means, classifier, np.zeros(K), weights)
    assert dual["self_duality"] == pytest.approx(direct.self_duality(*clouds, weights, classifier), rel=1e-12)
    rows, offset = centred(classifier, uniform()), centred(means, uniform())
    assert dual["structure"] == pytest.approx(direct.structure(rows, offset, weights), rel=1e-12)


@pytest.mark.parametrize("weigh", [balanced_weights, pixel_weights])
def test_turning_scaling_shifting_and_renaming_change_nothing(clouds, weigh, rng):
    counts, means, covariances = moments(*clouds)
    weights = weigh(counts, 1)
    turn = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH))).Q
    order = rng.permutation(K)
    moved = 5 * means[order] @ turn + 100
    spread = 25 * np.einsum("kef,ea,fb->kab", covariances[order], turn, turn)
    assert everything(moved, spread, weights[order]) == pytest.approx(everything(means, covariances, weights), rel=1e-8)


def test_an_exact_frame_is_exact_however_frequent_its_classes_are(etf):
    covariances = np.zeros((K, WIDTH, WIDTH))
    counts = np.array([800.0, 100, 60, 30, 10])
    np.testing.assert_array_equal(balanced_weights(counts, 1), uniform())
    found = everything(etf, covariances, pixel_weights(counts, 1))
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-6)
    dual = duality(etf, 2 * etf, np.zeros(K), pixel_weights(counts, 1))
    assert dual["self_duality"] == pytest.approx(0, abs=1e-6)
    assert dual["structure"] == pytest.approx(0, abs=1e-6)


def test_frequencies_decide_which_classes_a_pixel_weighted_number_speaks_of():
    """Two distances from the middle: 1 for the frequent class and its opposite, far for the rare ones."""
    means = np.array([[1.0, 0], [-1, 0], [0, 5], [0, -5]])
    counts = np.array([499.0, 499, 1, 1])
    norms, shares = np.array([1.0, 1, 5, 5]), pixel_weights(counts, 1)
    even = frame_statistics(centred_products(products(means), np.full(4, 0.25)), np.full(4, 0.25))
    found = frame_statistics(centred_products(products(means), evenly(shares)), shares)
    assert even["equinorm"] == pytest.approx(norms.std() / norms.mean())
    assert found["equinorm"] == pytest.approx(np.sqrt(shares @ (norms - shares @ norms) ** 2) / (shares @ norms))


def test_classes_with_too_few_positions_do_not_exist(clouds):
    counts, means, covariances = moments(*clouds)
    for weigh in (balanced_weights, pixel_weights):
        weights = weigh(counts, 50)
        assert list(weights > 0) == [True, True, True, False, False]
        fewer = everything(means[:3], covariances[:3], weights[:3])
        assert everything(means, covariances, weights) == pytest.approx(fewer, rel=1e-9)


@pytest.mark.parametrize("present", [0, 1])
def test_fewer_than_two_classes_have_no_statistics(clouds, present):
    counts, means, covariances = moments(*clouds)
    weights = balanced_weights(counts, np.inf if present == 0 else 400)
    with np.errstate(all="raise"):
        assert np.isnan(list(everything(means, covariances, weights).values())).all()


def test_a_stack_of_classes_has_the_statistics_of_each(clouds, rng):
    """Leading axes are what a bootstrap uses."""
    _, means, covariances = moments(*clouds)
    variances = np.trace(covariances, axis1=1, axis2=2)
    stack = means + rng.normal(size=(6, *means.shape))
    weights = rng.dirichlet(np.ones(K), 6)
    gram = products(stack)
    about = centred_products(gram, evenly(weights))
    together = {"cdnv": cdnv(gram, np.tile(variances, (6, 1)), weights), **frame_statistics(about, weights)}
    for index in range(6):
        alone = everything(stack[index], covariances, weights[index])
        assert {key: value[index] for key, value in together.items()} == pytest.approx(
            {key: alone[key] for key in together}, rel=1e-9
        )


def test_a_vector_added_to_all_rows_of_the_classifier_changes_nothing_but_the_logits_of_the_centre(clouds, rng):
    counts, means, _ = moments(*clouds)
    classifier, weights = rng.normal(size=(K, WIDTH)), pixel_weights(counts, 1)
    one, other = (
        duality(means, rows, np.zeros(K), weights) for rows in (classifier, classifier + rng.normal(size=WIDTH))
    )
    assert one == pytest.approx(other, rel=1e-9)


def test_bias_is_even_where_it_makes_up_for_the_centre(clouds, rng):
    counts, means, _ = moments(*clouds)
    weights = balanced_weights(counts, 1)
    classifier = rng.normal(size=(K, WIDTH))
    assert duality(means, classifier, 3 - classifier @ (weights @ means), weights)["bias"] == pytest.approx(
        0, abs=1e-12
    )


def test_variance_in_one_direction_has_collapsed_for_a_depth(rng):
    axis = rng.normal(size=(1, WIDTH))
    covariance = 2 * axis.T @ axis
    assert outside_principal(covariance, 1) == pytest.approx(0, abs=1e-12)
    assert outside_span(covariance, 0.1 * axis) == pytest.approx(0, abs=1e-12)
    across = np.linalg.svd(axis).Vh[1:2]
    assert outside_span(covariance, across) == pytest.approx(1)


def test_shares_of_the_variance_are_those_of_its_axes(rng):
    turn = np.linalg.qr(rng.normal(size=(4, 4))).Q
    covariance = turn @ np.diag([1.0, 6, 2, 1]) @ turn.T
    np.testing.assert_allclose(variance_shares(covariance), [0.6, 0.2, 0.1, 0.1])
    assert outside_principal(covariance, 3) == pytest.approx(0.1)
    assert outside_span(covariance, turn[:, 1:3].T) == pytest.approx(0.2)


def test_without_variance_there_are_no_shares():
    assert np.isnan(variance_shares(np.zeros((3, 3)))).all()
    assert np.isnan(outside_principal(np.zeros((3, 3)), 1))


def test_weights_of_the_form_that_targets_set_have_no_error(rng):
    turn = np.linalg.qr(rng.normal(size=(3, 3))).Q
    root = turn @ np.diag([1.0, 0.7, 0.5]) @ turn.T
    for shift in (0.0, 0.3, 0.5):
        gram = 4 * (root - shift * np.eye(3))
        values, vectors = np.linalg.eigh(gram)
        weight = (vectors * np.sqrt(values.clip(0))) @ np.eye(3, WIDTH)
        assert form_error(weight, root @ root) == pytest.approx(0, abs=1e-9)


def test_the_form_error_is_the_smallest_over_gamma(rng):
    weight, other = rng.normal(size=(3, WIDTH)), rng.normal(size=(3, 3))
    targets = other @ other.T
    values, vectors = np.linalg.eigh(targets)
    root = (vectors * np.sqrt(values)) @ vectors.T
    gram = weight @ weight.T
    steps = [root - s * np.eye(3) for s in np.linspace(0, np.sqrt(values[0]), 2001)]
    errors = [np.linalg.norm(gram / np.linalg.norm(gram) - one / np.linalg.norm(one)) ** 2 for one in steps]
    assert form_error(weight, targets) == pytest.approx(min(errors), rel=1e-5)
    assert np.isnan(form_error(weight[:1], targets[:1, :1]))


def test_every_statistic_says_what_it_is():
    for key, statistic in STATISTICS.items():
        assert statistic.key == key
        assert statistic.title
        assert statistic.formula
        assert statistic.meaning.endswith(".")
