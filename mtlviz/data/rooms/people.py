"""People of six parts, PASCAL's merging: head, torso, upper and lower arms, upper and lower legs."""

import numpy as np

from mtlviz.data.rooms.materials import Generator, Material, any_colour, cloth, hair, plain, shade, skin
from mtlviz.data.rooms.mesh import Item, Part, aligned, turned
from mtlviz.data.rooms.solids import limb, rounded

HEAD, TORSO, UPPER_ARM, LOWER_ARM, UPPER_LEG, LOWER_LEG = range(1, 7)


def _bone(start: np.ndarray, end: np.ndarray, thick: float, taper: float, material: Material, body: int) -> Part:
    """A limb from joint to joint, `taper` times as thick at its start as at its end."""
    middle, length = (start + end) / 2, float(np.linalg.norm(end - start)) + 0.6 * thick
    at = (float(middle[0]), float(middle[1]), float(middle[2]))
    return Part(limb(taper), (thick, thick, length), at, material, aligned(start - end), body)


def _spot(p: np.ndarray) -> tuple[float, float, float]:
    return float(p[0]), float(p[1]), float(p[2])


def _arm(
    rng: Generator,
    shoulder: np.ndarray,
    side: int,
    s: float,
    sleeve: Material,
    lower: Material,
    flesh: Material,
    seated: bool,
) -> list[Part]:
    """Upper arm, lower arm and hand; hanging, on the hip, in front, or raised."""
    swing = rng.uniform(-0.4, 0.5)
    out, bend = rng.uniform(0.08, 0.35), rng.uniform(0.1, 0.7)
    kind = rng.random()
    if seated or kind < 0.25:
        swing, bend = rng.uniform(0.1, 0.6), rng.uniform(0.9, 1.7)
    elif kind < 0.35:
        swing, out, bend = rng.uniform(1.0, 2.4), rng.uniform(0.1, 0.5), rng.uniform(0.0, 1.0)
    upper = np.array([side * np.sin(out), np.sin(swing) * np.cos(out), -np.cos(swing) * np.cos(out)])
    inward = -0.35 if bend > 0.8 else 0.1
    fore = np.array([side * inward * np.sin(out + 0.4), np.sin(swing + bend), -np.cos(swing + bend)])
    elbow = shoulder + upper * 0.165 * s
    wrist = elbow + fore / np.linalg.norm(fore) * 0.145 * s
    hand = wrist + fore / np.linalg.norm(fore) * 0.045 * s
    return [
        _bone(shoulder, elbow, 0.058 * s, 1.15, sleeve, UPPER_ARM),
        _bone(elbow, wrist, 0.046 * s, 1.25, lower, LOWER_ARM),
        Part(rounded(2.0, 3), (0.05 * s, 0.03 * s, 0.085 * s), _spot(hand), flesh, aligned(-fore), LOWER_ARM),
    ]


def _leg(
    hip: np.ndarray, forward: float, bend: float, s: float, trousers: Material, shin: Material, shoe: Material
) -> list[Part]:
    """Thigh at the angle `forward` from hanging, shank bent back by `bend`, and a shoe."""
    thigh = np.array([0.0, np.sin(forward), -np.cos(forward)])
    shank = np.array([0.0, np.sin(forward - bend), -np.cos(forward - bend)])
    knee = hip + thigh * 0.245 * s
    ankle = knee + shank * 0.235 * s
    toe = ankle + np.array([0.0, 0.045 * s, -0.02 * s])
    return [
        _bone(hip, knee, 0.098 * s, 1.35, trousers, UPPER_LEG),
        _bone(knee, ankle, 0.07 * s, 1.3, shin, LOWER_LEG),
        Part(rounded(3.0, 3), (0.06 * s, 0.155 * s, 0.05 * s), _spot(toe), shoe, None, LOWER_LEG),
    ]


def _head(rng: Generator, neck: np.ndarray, s: float, flesh: Material) -> list[Part]:
    """Neck, head, nose, and usually hair, short or long."""
    locks = plain(hair(rng))
    centre = neck + np.array([0.0, 0.012 * s, 0.085 * s])
    look = turned("z", rng.uniform(-0.5, 0.5))
    throat, nose = _spot(neck + np.array([0, 0, 0.01 * s])), _spot(centre + look @ [0, 0.055 * s, -0.005 * s])
    parts = [
        Part(limb(1.0), (0.062 * s, 0.062 * s, 0.07 * s), throat, flesh, None, HEAD),
        Part(rounded(2.3), (0.088 * s, 0.108 * s, 0.132 * s), _spot(centre), flesh, look, HEAD),
        Part(rounded(2.0, 2), (0.018 * s, 0.03 * s, 0.024 * s), nose, flesh, look, HEAD),
    ]
    if rng.random() < 0.92:
        cap = centre + look @ np.array([0.0, -0.012 * s, 0.022 * s])
        parts.append(Part(rounded(2.3), (0.098 * s, 0.108 * s, 0.108 * s), _spot(cap), locks, look, HEAD))
        if rng.random() < 0.45:
            fall = centre + look @ np.array([0.0, -0.035 * s, -0.05 * s])
            parts.append(Part(rounded(3.0, 3), (0.1 * s, 0.05 * s, 0.15 * s), _spot(fall), locks, look, HEAD))
    return parts


def _torso(
    pelvis: np.ndarray, spine: np.ndarray, s: float, broad: float, trousers: Material, top: Material
) -> list[Part]:
    """Hips, trunk and shoulders; PASCAL counts all three as the torso."""
    chest, upright = pelvis + spine * 0.19 * s, aligned(spine)
    hips, trunk = (0.185 * s * broad, 0.125 * s, 0.15 * s), (0.2 * s * broad, 0.125 * s * broad, 0.3 * s)
    shoulders = (0.235 * s * broad, 0.11 * s, 0.12 * s)
    return [
        Part(rounded(2.8), hips, _spot(pelvis + spine * 0.03 * s), trousers, None, TORSO),
        Part(rounded(3.0), trunk, _spot(chest - spine * 0.01 * s), top, upright, TORSO),
        Part(rounded(2.5), shoulders, _spot(chest + spine * 0.08 * s), top, upright, TORSO),
    ]


def person(rng: Generator, seat: float = 0.0) -> Item:
    """Someone standing, or sitting on a seat of that height, facing +y; origin under the hips."""
    s = rng.uniform(1.52, 1.88)  # body height, the unit of all lengths here
    flesh, top = plain(skin(rng)), cloth(rng)
    trousers = plain(shade(any_colour(rng), rng.uniform(0.4, 1.0))) if rng.random() < 0.8 else cloth(rng)
    shoe = plain(shade(any_colour(rng), 0.5), gloss=0.4)
    sleeve_long, short = rng.random() < 0.6, rng.random() < 0.2
    hips = seat + 0.07 * s if seat else 0.505 * s
    lean = rng.uniform(-0.12, 0.12)
    spine = np.array([0.0, np.sin(lean), np.cos(lean)])
    pelvis = np.array([0.0, 0.0, hips])
    broad = rng.uniform(0.92, 1.12)
    parts = _torso(pelvis, spine, s, broad, trousers, top) + _head(rng, pelvis + spine * 0.335 * s, s, flesh)
    stride = rng.uniform(-0.35, 0.35) if rng.random() < 0.6 else 0.0
    for side in (-1, 1):
        shoulder = pelvis + spine * 0.285 * s + np.array([side * 0.118 * s * broad, 0, 0])
        parts += _arm(rng, shoulder, side, s, top, top if sleeve_long else flesh, flesh, seat > 0)
        hip = pelvis + np.array([side * 0.052 * s, 0, 0])
        forward = np.pi / 2 - rng.uniform(0.0, 0.1) if seat else side * stride
        bend = np.pi / 2 + rng.uniform(-0.35, 0.25) if seat else max(0.0, -forward) * 0.9
        parts += _leg(hip, forward, bend, s, trousers, flesh if short else trousers, shoe)
    return Item("person", (0.55, 0.5 if not seat else 0.9, hips + 0.5 * s), parts)
