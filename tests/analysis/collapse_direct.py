"""Neural-collapse statistics written down as in the papers, slowly and from all vectors at once.

An independent second implementation: loops over classes and pairs, explicit scatter matrices, numpy's own
pseudo-inverse. Weights of the classes are given; they are what makes a number balanced or pixel-weighted.
"""

from itertools import permutations

import numpy as np


def groups_of(features, labels):
    return [features[labels == label] for label in np.unique(labels)]


def nc1_pinv(features, labels, weights):
    parts = groups_of(features, labels)
    means = [part.mean(0) for part in parts]
    centre = sum(w * mean for w, mean in zip(weights, means, strict=True))
    within = sum(w * np.cov(part.T, bias=True) for w, part in zip(weights, parts, strict=True))
    between = sum(w * np.outer(mean - centre, mean - centre) for w, mean in zip(weights, means, strict=True))
    return np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / len(parts)


def nc1_quotient(features, labels, weights):
    parts = groups_of(features, labels)
    centre = sum(w * part.mean(0) for w, part in zip(weights, parts, strict=True))
    within = sum(w * part.var(0).sum() for w, part in zip(weights, parts, strict=True))
    between = sum(w * ((part.mean(0) - centre) ** 2).sum() for w, part in zip(weights, parts, strict=True))
    return within / between


def over_pairs(function, weights):
    pairs = list(permutations(range(len(weights)), 2))
    values = np.array([function(i, j) for i, j in pairs])
    shares = np.array([weights[i] * weights[j] for i, j in pairs])
    return values, shares / shares.sum()


def nc1_cdnv(features, labels, weights):
    parts = groups_of(features, labels)

    def one(i, j):
        spread = parts[i].var(0).sum() + parts[j].var(0).sum()
        return spread / (2 * ((parts[i].mean(0) - parts[j].mean(0)) ** 2).sum())

    values, shares = over_pairs(one, weights)
    return (values * shares).sum()


def nc2(features, labels, weights):
    means = np.stack([part.mean(0) for part in groups_of(features, labels)])
    return frame(means - means.mean(0), weights)


def frame(vectors, weights):
    number = len(vectors)
    norms = np.linalg.norm(vectors, axis=1)
    mean = weights @ norms
    cosines, shares = over_pairs(lambda i, j: vectors[i] @ vectors[j] / norms[i] / norms[j], weights)
    return {
        "equinorm": np.sqrt(weights @ (norms - mean) ** 2) / mean,
        "equiangular": np.sqrt((shares * (cosines - shares @ cosines) ** 2).sum()),
        "max_angle": (shares * np.abs(cosines + 1 / (number - 1))).sum(),
        "etf_error": structure(vectors, vectors, weights),
    }


def structure(one, other, weights):
    number = len(one)
    root = np.sqrt(np.outer(weights, weights))
    found, ideal = root * (one @ other.T), root * (np.eye(number) - 1 / number)
    return np.linalg.norm(found / np.linalg.norm(found) - ideal / np.linalg.norm(ideal))


def self_duality(features, labels, weights, classifier):
    means = np.stack([part.mean(0) for part in groups_of(features, labels)])
    root = np.sqrt(weights)[:, None]
    rows, offset = (root * (one - one.mean(0)) for one in (classifier, means))
    return np.linalg.norm(rows / np.linalg.norm(rows) - offset / np.linalg.norm(offset)) ** 2


def nearest(features, means):
    return np.argmin([((features - mean) ** 2).sum(1) for mean in means], axis=0)
