"""``icon`` draws the app's icon: a lens that looks through the corners of a box."""

import cv2
import numpy as np

from edge.imaging import Image

INK, GROUND, LENS = (255, 255, 255), (92, 58, 20), (70, 190, 250)
"""Blue, green, red."""

SIZES = (192, 512)
OVERSAMPLING = 4


def icon(size: int) -> bytes:
    """Return a square PNG. Its content lies in the middle 80 %, so that a phone may cut any form out of it.

    Args:
        size: of a side, in pixels.
    """
    side = size * OVERSAMPLING
    image: Image = np.full((side, side, 3), GROUND, np.uint8)
    thick = side // 18
    low, high, arm = round(0.24 * side), round(0.76 * side), round(0.15 * side)
    for x, to_x in ((low, low + arm), (high, high - arm)):
        for y, to_y in ((low, low + arm), (high, high - arm)):
            cv2.line(image, (x, y), (to_x, y), INK, thick, cv2.LINE_AA)
            cv2.line(image, (x, y), (x, to_y), INK, thick, cv2.LINE_AA)
    cv2.circle(image, (side // 2, side // 2), round(0.15 * side), LENS, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, (side // 2, side // 2), round(0.06 * side), GROUND, cv2.FILLED, cv2.LINE_AA)
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".png", small)
    assert done
    return bytes(encoded)
