"""A sample of tokens that is fair, keeps what is rare, and can be drawn while images come in."""

import hashlib

import numpy as np
from jaxtyping import Float64, Int, Int64


def token_priorities(count: int, seed: int, image: str) -> Float64[np.ndarray, " count"]:
    """One pseudo-random number a token of an image, 0 to 1; the smallest ones are drawn first.

    Args:
        count: tokens.
        seed: of the sample.
        image: what names the image, so that two images draw different numbers.
    """
    digest = hashlib.sha256(f"{seed} {image}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8])).random(count)


def stratified_sample(
    priorities: Float64[np.ndarray, " n"], strata: Int[np.ndarray, " n"], most: int, least: int
) -> Int64[np.ndarray, " m"]:
    """Indices of at most ``most`` tokens, in order: some of every stratum, the rest by chance alone.

    The ``least`` tokens of smallest priority of every stratum are taken, then the smallest of all others. A sample
    of a union is the sample of the samples of its parts: tokens can be thrown away as images come in, and the
    order of the images does not matter.

    Args:
        priorities: ``token_priorities``.
        strata: which tokens belong together, e.g. those of one task and class.
        most: tokens in the sample.
        least: tokens of every stratum, as far as it has them.

    Raises:
        ValueError: if ``most`` does not have room for ``least`` tokens of every stratum.
    """
    order = np.lexsort((priorities, strata))
    sorted_strata = strata[order]
    starts = np.flatnonzero(np.r_[True, sorted_strata[1:] != sorted_strata[:-1]]) if len(order) else np.zeros(0, int)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    guaranteed = np.zeros(len(order), bool)
    guaranteed[order[rank < least]] = True
    room = most - int(guaranteed.sum())
    if room < 0:
        raise ValueError(f"{guaranteed.sum()} tokens are guaranteed a place and {most} may be drawn; lower `least`")
    others = np.flatnonzero(~guaranteed)
    lucky = others[np.argsort(priorities[others], kind="stable")[:room]]
    return np.sort(np.concatenate([np.flatnonzero(guaranteed), lucky]))


def least_a_stratum(most: int, strata: int, wanted: int = 20) -> int:
    """How many tokens of every stratum a sample can guarantee while chance still decides over half of it.

    Args:
        most: tokens in the sample.
        strata: there may be at most.
        wanted: where there is room.
    """
    return max(1, min(wanted, most // (2 * strata)))
