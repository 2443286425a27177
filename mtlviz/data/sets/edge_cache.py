"""Thinned boundaries of label maps, kept outside the data set because thinning takes longer than reading.

An entry is named after the hash of its label map and holds the hash of its own content: one that is damaged, cut
short, altered or of another size is computed again. Where nothing can be written, nothing is kept.
"""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
from jaxtyping import Integer, UInt8

from mtlviz.files import write_whole

VERSION = 1
"""Changes whenever the same label map would give other edges."""

_DIGEST = hashlib.sha256().digest_size


def default_cache() -> Path:
    """``MTLVIZ_CACHE``, or the platform's own place for what can be computed again."""
    named = os.environ.get("MTLVIZ_CACHE")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mtlviz"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mtlviz" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtlviz"


def label_map_edges(label_map: Integer[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """Edges as the literature derives them for PASCAL: ``|Laplacian| > 0`` (mirrored border), then thinned."""
    from scipy.ndimage import laplace
    from skimage.morphology import thin

    crossed = laplace(label_map.astype(np.float64), mode="mirror") != 0
    return np.asarray(thin(crossed), np.uint8)  # type: ignore[no-untyped-call]


def cached_edges(label_map: Integer[np.ndarray, "H W"], cache: Path) -> UInt8[np.ndarray, "H W"]:
    """``label_map_edges``, from the cache if it is there and whole."""
    canonical = np.ascontiguousarray(label_map, "<i4")
    key = hashlib.sha256(repr(canonical.shape).encode() + canonical.tobytes()).hexdigest()
    path = cache / f"edges-{VERSION}" / key[:2] / key
    kept = _kept(path, key, canonical.shape)
    if kept is not None:
        return kept
    edges = label_map_edges(label_map)
    packed = np.packbits(edges).tobytes()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _digest(key, packed) + packed)
    except OSError:  # a read-only or full disk costs time, not the result
        pass
    return edges


def _kept(path: Path, key: str, shape: tuple[int, ...]) -> np.ndarray | None:
    pixels = int(np.prod(shape))
    try:
        if path.stat().st_size != _DIGEST + (pixels + 7) // 8:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    packed = content[_DIGEST:]
    if content[:_DIGEST] != _digest(key, packed):
        return None
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=pixels).reshape(shape)


def _digest(key: str, packed: bytes) -> bytes:
    return hashlib.sha256(key.encode() + packed).digest()
