"""Patterns at surface coordinates; detail finer than a pixel fades into its mean instead of aliasing."""

from collections.abc import Callable
from functools import cache

import numpy as np

Array = np.ndarray
_TILE = 512


@cache
def _noise_tile() -> Array:
    """``(512, 512)`` float32 tileable fractal noise, zero mean, standard deviation 1/3."""
    rng = np.random.default_rng(20_240)
    frequency = np.fft.fftfreq(_TILE) * _TILE
    radius = np.hypot(frequency[:, None], frequency[None])
    spectrum = np.fft.fft2(rng.normal(size=(_TILE, _TILE))) / np.maximum(radius, 4) ** 1.2
    spectrum[radius < 2] = 0
    tile = np.fft.ifft2(spectrum).real
    return np.asarray(tile / tile.std() / 3, np.float32)


def noise(u: Array, v: Array) -> Array:
    """Smooth noise of zero mean whose coarsest features are about a quarter of a unit wide."""
    i = np.asarray(np.floor(u * _TILE), np.int64) & (_TILE - 1)
    j = np.asarray(np.floor(v * _TILE), np.int64) & (_TILE - 1)
    return np.asarray(_noise_tile()[i, j])


def _hash(*cells: Array) -> Array:
    """Number in [0, 1) for each integer cell."""
    h = np.full(np.shape(cells[0]), 374_761_393, np.uint32)
    for k, cell in enumerate(cells):
        h ^= np.asarray(cell, np.int64).astype(np.uint32) * np.uint32(668_265_263 + 2 * k)
        h *= np.uint32(2_246_822_519)
        h ^= h >> np.uint32(15)
    return np.asarray((h >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24))


def _visible(feature: Array, footprint: Array) -> Array:
    """1 where features of this width span several pixels, 0 where they are finer than one."""
    return np.asarray(np.clip(2 * feature / np.maximum(footprint, 1e-6) - 1, 0, 1))


def _mix(a: Array, b: Array, share: Array) -> Array:
    return np.asarray(a + (b - a) * share[:, None])


def _scaled(a: Array, factor: Array) -> Array:
    return np.asarray(np.clip(a * factor[:, None], 0, 1))


def _band(x: Array, width: Array, footprint: Array) -> Array:
    """Share of a pixel covered by the band |x| < width / 2, edges as soft as the pixel is wide."""
    soft = np.maximum(footprint, 1e-4)
    return np.asarray(np.clip((width / 2 - np.abs(x)) / soft + 0.5, 0, 1) * np.minimum(1, width / soft))


def _joint(x: Array, period: Array) -> Array:
    """Distance to the nearest multiple of `period`, signed."""
    return np.asarray(x - np.round(x / period) * period)


def plain(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Main colour, 2 % uneven."""
    return _scaled(a, 1 + 0.06 * noise(uv[:, 0] * 0.3, uv[:, 1] * 0.3))


def boards(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Floor boards of width p0 and length p1 that differ by p2, with grain."""
    width, length = p[:, 0], p[:, 1]
    row = np.floor(uv[:, 0] / width)
    along = uv[:, 1] + _hash(row) * length
    tone = _hash(row, np.floor(along / length)) - 0.5
    grain = noise(uv[:, 0] * 2 + row * 0.37, uv[:, 1] * 0.12 + row * 0.11) * _visible(width / 3, footprint)
    colour = _scaled(a, 1 + 2 * p[:, 2] * tone * _visible(width, footprint) + 0.18 * grain)
    gap = np.maximum(
        _band(_joint(uv[:, 0], width), 0.006 + 0 * width, footprint),
        _band(_joint(along, length), 0.006 + 0 * width, footprint),
    )
    return _mix(colour, b, 0.8 * gap)


def grain(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Timber with fibres of width p0 along v."""
    fibre = noise(uv[:, 0] * 0.05 / p[:, 0], uv[:, 1] * 0.1) * _visible(p[:, 0], footprint)
    return _mix(a, b, np.clip(0.35 + 0.55 * fibre, 0, 1))


def _tiled(uv: Array, a: Array, b: Array, p: Array, footprint: Array, shift: Array) -> Array:
    width, height, joint, spread = p.T
    row = np.floor(uv[:, 1] / height)
    u = uv[:, 0] + shift * (row % 2) * width
    tone = (_hash(row, np.floor(u / width)) - 0.5) * _visible(np.minimum(width, height), footprint)
    colour = _scaled(a, 1 + spread * 2 * tone + 0.08 * noise(uv[:, 0] * 0.7, uv[:, 1] * 0.7))
    line = np.maximum(_band(_joint(u, width), joint, footprint), _band(_joint(uv[:, 1], height), joint, footprint))
    return _mix(colour, b, line)


def tiles(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Tiles p0 by p1 with joints of width p2 in the second colour; tiles differ by p3."""
    return _tiled(uv, a, b, p, footprint, np.zeros(len(uv)))


def bricks(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """As tiles, every second row shifted by half a brick."""
    return _tiled(uv, a, b, p, footprint, np.full(len(uv), 0.5))


def stripes(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Stripes of period p0 across u (p1 = 0) or v (p1 = 1); the second colour covers the share p2."""
    x = np.where(p[:, 1] > 0.5, uv[:, 1], uv[:, 0])
    line = _band(_joint(x, p[:, 0]), p[:, 0] * p[:, 2], footprint)
    sharp = _visible(p[:, 0] / 2, footprint)
    return _mix(a, b, line * sharp + p[:, 2] * (1 - sharp))


def checker(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Squares of side p0."""
    odd = (np.floor(uv[:, 0] / p[:, 0]) + np.floor(uv[:, 1] / p[:, 0])) % 2
    sharp = _visible(p[:, 0], footprint)
    return _mix(a, b, odd * sharp + 0.5 * (1 - sharp))


def dots(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Staggered round motifs of period p0."""
    period = p[:, 0]
    row = np.floor(uv[:, 1] / period)
    x = _joint(uv[:, 0] + 0.5 * period * (row % 2), period)
    y = uv[:, 1] - (row + 0.5) * period
    inside = np.clip((0.28 * period - np.hypot(x, y)) / np.maximum(footprint, 1e-4) + 0.5, 0, 1)
    sharp = _visible(period / 2, footprint)
    return _mix(a, b, inside * sharp + 0.25 * (1 - sharp))


def cloth(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Woven or mottled surface: features of width p0, contrast p1."""
    scale = 0.25 / p[:, 0]
    mottle = noise(uv[:, 0] * scale, uv[:, 1] * scale) * _visible(p[:, 0], footprint)
    return _mix(a, b, np.clip(0.5 + p[:, 1] * 2 * mottle, 0, 1))


def rug(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """Carpet p0 by p1 metres with a border, filled by stripes, lozenges or mottle (p2 = 0, 1, 2)."""
    x, y = uv[:, 0], uv[:, 1]
    inset = np.minimum(p[:, 0] / 2 - np.abs(x), p[:, 1] / 2 - np.abs(y))
    border = np.clip((0.04 - np.abs(inset - 0.12)) / np.maximum(footprint, 1e-4) + 0.5, 0, 1)
    lines = np.sin(y * 25)
    lozenges = np.sin(x * 14 + y * 14) * np.sin(x * 14 - y * 14)
    mottle = 3 * noise(x * 0.8, y * 0.8)
    fill = np.select([p[:, 2] < 0.5, p[:, 2] < 1.5], [lines, lozenges], mottle)
    share = np.clip(0.5 + fill * 2, 0, 1) * _visible(np.full(len(x), 0.12), footprint)
    return _scaled(_mix(a, b, np.maximum(border, share * (inset > 0.16))), 1 + 0.1 * noise(x * 3, y * 3))


def art(uv: Array, a: Array, b: Array, p: Array, footprint: Array) -> Array:
    """A picture p0 by p1 metres: a landscape or coloured fields, chosen by the seed p2."""
    x, y, seed = uv[:, 0] / p[:, 0] + 0.5, uv[:, 1] / p[:, 1] + 0.5, p[:, 2]
    hills = 0.35 + 0.35 * noise(x * 0.25 + seed, seed)
    ridge = hills + 0.18 + 0.25 * noise(x * 0.4 + 3 * seed, seed + 0.3)
    sky = _mix(np.minimum(a * 0.4 + 0.55, 1), a, y)
    landscape = np.where((y < hills)[:, None], b * 0.6, np.where((y < ridge)[:, None], 0.5 * (a + b), sky))
    column = np.floor(x * (2 + np.floor(_hash(np.floor(seed * 997)) * 3)))
    row = np.floor(y * 3 + _hash(column, np.floor(seed * 991)))
    third = np.stack([_hash(column, row, np.floor(seed * 983) + k) for k in range(3)], 1)
    fields = _mix(
        third * 0.5 + 0.2, np.where(((column + row) % 2 > 0)[:, None], a, b), np.full(len(x), 0.6, np.float32)
    )
    colour = np.where((_hash(np.floor(seed * 977)) < 0.55)[:, None], landscape, fields)
    return _scaled(colour, 1 + 0.5 * noise(x * 0.5 + seed, y * 0.5))


PATTERNS: dict[str, Callable[[Array, Array, Array, Array, Array], Array]] = {
    f.__name__: f for f in (plain, boards, grain, tiles, bricks, stripes, checker, dots, cloth, rug, art)
}
"""Pattern by name: (uv ``(N, 2)`` metres, a ``(N, 3)``, b ``(N, 3)``, p ``(N, 4)``, footprint ``(N,)`` metres
that a pixel covers) to linear colour ``(N, 3)``."""
