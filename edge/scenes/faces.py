"""Drawn faces of drawn people, for networks that tell whether two pictures show the same person.

A person is a handful of numbers; a picture of that person has a place, a tilt, a light and a mouth of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.imaging import Image
from edge.scenes import writing
from edge.scenes.drawing import add_camera
from edge.scenes.textures import textured

Colour = tuple[float, float, float]
"""BGR, 0 to 255."""

_SHIFT = 4


@dataclass(frozen=True)
class Person:
    """What makes a face one person's. Lengths are shares of the picture's side.

    Attributes:
        skin: colour.
        hair: colour.
        width: half the head's width.
        height: half the head's height.
        hairline: how far the hair reaches down, 0 (bald) to 1.
        eyes: half the distance of the eyes.
        eye: radius of an eye.
        brow: how much the brows fall outwards, -1 to 1.
        nose: its length.
        mouth: half its width.
        glasses: whether there are any.
        beard: how far a beard reaches up, 0 (none) to 1.
    """

    skin: Colour
    hair: Colour
    width: float
    height: float
    hairline: float
    eyes: float
    eye: float
    brow: float
    nose: float
    mouth: float
    glasses: bool
    beard: float


def person(rng: np.random.Generator) -> Person:
    """Return a random person."""
    light = rng.uniform(0.35, 1.0)
    skin = np.array([150, 185, 235]) * light * rng.uniform(0.9, 1.08, 3)
    hair = np.array(((30, 30, 35), (40, 70, 120), (90, 180, 220), (60, 90, 190), (190, 190, 190))[rng.integers(5)])
    return Person(
        skin=_colour(skin),
        hair=_colour(hair * rng.uniform(0.8, 1.2)),
        width=rng.uniform(0.22, 0.32),
        height=rng.uniform(0.32, 0.4),
        hairline=float(rng.choice([0.0, 0.35, 0.6, 0.9])),
        eyes=rng.uniform(0.08, 0.14),
        eye=rng.uniform(0.022, 0.042),
        brow=rng.uniform(-1, 1),
        nose=rng.uniform(0.06, 0.13),
        mouth=rng.uniform(0.05, 0.12),
        glasses=bool(rng.random() < 0.35),
        beard=float(rng.choice([0.0, 0.0, 0.5, 0.9])),
    )


def face(rng: np.random.Generator, who: Person, size: int) -> Image:
    """Draw one picture of a person, (size, size, 3) uint8 BGR, the head upright and about in the middle."""
    back = rng.uniform(20, 235, (2, 3)).astype(np.float32)
    canvas = np.ascontiguousarray(textured(rng, size, size, back[0], back[1]))
    _Pencil(canvas, rng, size).draw(who, open_mouth=rng.uniform(0.0, 0.03), gaze=rng.uniform(-0.3, 0.3))
    return add_camera(rng, canvas)


class _Pencil:
    """Draws in coordinates of the head: x to the right, y down, 0 in its middle, in shares of the picture's side."""

    def __init__(self, canvas: NDArray[np.float32], rng: np.random.Generator, size: int) -> None:
        angle, self._scale = rng.uniform(-0.15, 0.15), size * rng.uniform(0.92, 1.08)
        self._canvas, self._degrees = canvas, float(np.degrees(angle))
        self._turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self._centre = size * (np.array([0.5, 0.53]) + rng.uniform(-0.05, 0.05, 2))

    def draw(self, who: Person, open_mouth: float, gaze: float) -> None:
        dark = _colour(np.array(who.skin) * 0.55)
        if who.hairline:
            self.ellipse((0, -0.04), (who.width * 1.12, who.height * 1.08), who.hair)
        self.ellipse((0, 0), (who.width, who.height), who.skin)
        if who.beard:
            self.ellipse((0, who.height * 0.55), (who.width * 0.85, who.height * 0.45 * who.beard), who.hair)
        if who.hairline:
            self.ellipse((0, -who.height * 0.92), (who.width, who.height * 0.5 * who.hairline), who.hair)
        for side in (-1, 1):
            place = (side * who.eyes, -0.05)
            self.ellipse(place, (1.5 * who.eye, who.eye), (245, 245, 245))
            self.ellipse((place[0] + gaze * who.eye, place[1]), (0.6 * who.eye,) * 2, (40, 30, 20))
            outer = (side * (who.eyes + 0.05), -0.115 + 0.03 * who.brow)
            self.line((side * (who.eyes - 0.04), -0.115), outer, who.hair if who.hairline else dark)
            if who.glasses:
                self.ellipse(place, (0.065, 0.055), (30, 30, 30), thickness=0.012)
        self.line((0, -0.02), (0, who.nose), dark)
        self.ellipse((0, 0.19), (who.mouth, 0.014 + open_mouth), (70, 60, 170))

    def ellipse(
        self, centre: tuple[float, float], axes: tuple[float, float], colour: Colour, thickness: float = 0.0
    ) -> None:
        sides = tuple(round(self._scale * a * (1 << _SHIFT)) for a in axes)
        width = max(1, round(self._scale * thickness)) if thickness else -1
        cv2.ellipse(self._canvas, self._at(centre), sides, self._degrees, 0, 360, colour, width, cv2.LINE_AA, _SHIFT)

    def line(self, start: tuple[float, float], stop: tuple[float, float], colour: Colour) -> None:
        width = max(1, round(self._scale * 0.018))
        cv2.line(self._canvas, self._at(start), self._at(stop), colour, width, cv2.LINE_AA, _SHIFT)

    def _at(self, point: tuple[float, float]) -> tuple[int, int]:
        x, y = np.round((self._turn @ point * self._scale + self._centre) * (1 << _SHIFT)).astype(int).tolist()
        return x, y


def _colour(values: NDArray[np.float64]) -> Colour:
    blue, green, red = np.clip(values, 0, 255).tolist()
    return blue, green, red


def write_faces(
    folder: Path, train: int = 60, test: int = 20, pictures: int = 20, size: int = 64, seed: int = 0
) -> None:
    """Write ``<split>/<person>/*.png``; the people of the two splits differ. The folder is complete or absent.

    Args:
        folder: where to write the set. A folder that exists is replaced.
        train: people to train on.
        test: other people to report on.
        pictures: of each person.
        size: width and height of a picture in pixels.
        seed: another seed gives another set. The same arguments give the same bytes.

    Raises:
        InputError: a count is below 1 or the size below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of faces", size, train=train, test=test, pictures=pictures)
    with replaced(folder) as temporary:
        for split, count, rng in writing.splits(train, test, seed):
            for number in range(count):
                name = f"person_{number + (train if split == 'test' else 0):03d}"
                for index, image in enumerate(_pictures(rng, pictures, size)):
                    writing.picture(temporary / split / name / f"{index:03d}.png", image)


def _pictures(rng: np.random.Generator, count: int, size: int) -> Iterator[Image]:
    who = person(rng)
    for _ in range(count):
        yield face(rng, who, size)
