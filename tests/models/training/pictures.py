"""Tiny image folders, drawn and encoded in the tests: flat colours, one a class, with noise."""

from pathlib import Path

import cv2
import numpy as np

BGR = {"blue": (200, 40, 40), "green": (40, 200, 40), "red": (40, 40, 200)}


def colour(label: str, seed: int, side: int = 32) -> np.ndarray:
    """Return (side, side, 3) uint8 BGR."""
    noise = np.random.default_rng(seed).normal(0, 12, (side, side, 3))
    return np.clip(np.array(BGR[label]) + noise, 0, 255).astype(np.uint8)


def encoded(image: np.ndarray, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def image_folder(root: Path, train: int = 24, test: int = 8, labels=tuple(BGR), suffix: str = ".png") -> Path:
    """Write train/ and test/ with so many images a class; return ``root``."""
    for at, (split, count) in enumerate((("train", train), ("test", test))):
        for label in labels:
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                content = encoded(colour(label, 1000 * at + number), suffix)
                (folder / f"{number:03d}{suffix}").write_bytes(content)
    return root
