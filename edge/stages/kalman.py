"""``BoxFilter`` is the Kalman filter of a tracker: boxes that move with a nearly constant velocity, many at once.

R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960. The state of a box is its centre x, y,
width and height, as in BoT-SORT (https://arxiv.org/abs/2206.14651), each with its velocity. The noise grows with the
box's size, as in DeepSORT (https://arxiv.org/abs/1703.07402).

None of the noise terms connects two of the four numbers. The covariance P therefore consists of four symmetric
matrices of 2 x 2, and all equations are written out for these, without a matrix inversion.
"""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

STEP = 1 / 30
"""The seconds of one step. DeepSORT's noise is stated for one frame of a video with 30 frames per second."""

POSITION_NOISE = 1 / 20
"""The standard deviation of a position, as a fraction of the box's side: of a measurement, and of a step."""

VELOCITY_NOISE = 1 / 160
"""The standard deviation of the velocity's change in a step, as a fraction of the box's side."""


class BoxFilter:
    """Estimates position and velocity of n boxes. The rows of all arrays are the boxes, in the order of ``add``.

    Attributes:
        position: (n, 4) centre x, y, width, height, in pixels.
        velocity: (n, 4) their change in pixels per step.
        covariance: (3, n, 4): the variance of the position, the covariance of both, the variance of the velocity.
    """

    def __init__(self) -> None:
        """Start without boxes."""
        self.position, self.velocity = np.zeros((0, 4)), np.zeros((0, 4))
        self.covariance = np.zeros((3, 0, 4))

    @property
    def boxes(self) -> Doubles:
        """The boxes (n, 4) x0, y0, x1, y1 in pixels."""
        centre, half = self.position[:, :2], np.maximum(self.position[:, 2:], 1e-3) / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def add(self, boxes: Doubles) -> None:
        """Append boxes (m, 4) x0, y0, x1, y1 without a known velocity."""
        position = _measured(boxes)
        side = _sides(position)
        variance = np.stack([(2 * POSITION_NOISE * side) ** 2, 0 * side, (10 * VELOCITY_NOISE * side) ** 2])
        self.position = np.concatenate([self.position, position])
        self.velocity = np.concatenate([self.velocity, 0 * position])
        self.covariance = np.concatenate([self.covariance, variance], axis=1)

    def predict(self, seconds: float) -> None:
        """Move all boxes on: x = F x, P = F P F' + Q with F = [[1, t], [0, 1]], where Q grows with the time t."""
        t, side = seconds / STEP, _sides(self.position)
        self.position = self.position + t * self.velocity
        self.position[:, 2:] = np.maximum(self.position[:, 2:], 1e-3)
        pp, pv, vv = self.covariance
        self.covariance = np.stack(
            [
                pp + 2 * t * pv + t * t * vv + t * (POSITION_NOISE * side) ** 2,
                pv + t * vv,
                vv + t * (VELOCITY_NOISE * side) ** 2,
            ]
        )

    def update(self, rows: NDArray[np.intp], boxes: Doubles) -> None:
        """Correct some boxes by measurements z: K = P H' / (H P H' + R), x = x + K (z - H x), P = (I - K H) P.

        Args:
            rows: (m,) the rows of the boxes.
            boxes: (m, 4) the measured x0, y0, x1, y1 in pixels.
        """
        position = self.position[rows]
        pp, pv, vv = self.covariance[:, rows]
        total = pp + (POSITION_NOISE * _sides(position)) ** 2
        gain, gain_of_velocity = pp / total, pv / total
        apart = _measured(boxes) - position
        self.position[rows] = position + gain * apart
        self.velocity[rows] += gain_of_velocity * apart
        self.covariance[:, rows] = np.stack([(1 - gain) * pp, (1 - gain) * pv, vv - gain_of_velocity * pv])

    def stop(self, rows: NDArray[np.bool_]) -> None:
        """Set the velocity of some boxes to zero, (n,) bool."""
        self.velocity[rows] = 0

    def stop_growing(self, rows: NDArray[np.bool_]) -> None:
        """Set the change of width and height of some boxes to zero, (n,) bool: they are not seen at present."""
        self.velocity[rows, 2:] = 0

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Remove all other boxes, (n,) bool."""
        self.position, self.velocity = self.position[rows], self.velocity[rows]
        self.covariance = self.covariance[:, rows]


def _measured(boxes: Doubles) -> Doubles:
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def _sides(position: Doubles) -> Doubles:
    """Return the side that each number's noise grows with: width, height, width, height."""
    return position[:, [2, 3, 2, 3]]
