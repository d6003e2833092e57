"""The filter of boxes against the textbook's, with full matrices of 8 x 8."""

# ruff: noqa: N806 - the matrices have the textbook's names

import numpy as np
import pytest

from edge.stages.kalman import POSITION_NOISE, STEP, VELOCITY_NOISE, BoxFilter


class Textbook:
    """One box, x = (cx, cy, w, h, vx, vy, vw, vh): x = F x, P = F P F' + Q; K = P H' S^-1, and so on."""

    def __init__(self, z):
        side = np.array([z[2], z[3], z[2], z[3]])
        self.x = np.concatenate([z, np.zeros(4)])
        self.P = np.diag(np.concatenate([2 * POSITION_NOISE * side, 10 * VELOCITY_NOISE * side]) ** 2)

    def predict(self, t):
        F = np.eye(8)
        F[:4, 4:] = t * np.eye(4)
        side = np.tile([self.x[2], self.x[3]], 2)
        Q = t * np.diag(np.concatenate([POSITION_NOISE * side, VELOCITY_NOISE * side]) ** 2)
        self.x, self.P = F @ self.x, F @ self.P @ F.T + Q

    def update(self, z):
        H = np.eye(4, 8)
        R = np.diag((POSITION_NOISE * np.tile([self.x[2], self.x[3]], 2)) ** 2)
        K = self.P @ H.T @ np.linalg.inv(H @ self.P @ H.T + R)
        self.x = self.x + K @ (z - H @ self.x)
        self.P = (np.eye(8) - K @ H) @ self.P


def as_box(z):
    return [z[0] - z[2] / 2, z[1] - z[3] / 2, z[0] + z[2] / 2, z[1] + z[3] / 2]


@pytest.mark.parametrize("seconds", [(1 / 30,) * 12, (0.2, 0.01, 0.5, 1 / 30, 0.04)], ids=["30 fps", "any rate"])
def test_the_separate_equations_are_the_full_filter(seconds):
    rng = np.random.default_rng(3)
    z = np.array([[100.0, 80, 40, 90], [300, 200, 60, 20], [20, 20, 30, 30]])
    tested, books = BoxFilter(), [Textbook(row) for row in z]
    tested.add(np.array([as_box(row) for row in z]))
    for dt in seconds:
        tested.predict(dt)
        seen = np.array([0, 2])
        z = z + rng.normal(0, 2, z.shape)
        tested.update(seen, np.array([as_box(row) for row in z[seen]]))
        for row, book in enumerate(books):
            book.predict(dt / STEP)
            if row in seen:
                book.update(z[row])
            np.testing.assert_allclose(tested.position[row], book.x[:4], rtol=1e-9)
            np.testing.assert_allclose(tested.velocity[row], book.x[4:], rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(tested.covariance[0, row], np.diag(book.P)[:4], rtol=1e-9)
            np.testing.assert_allclose(tested.covariance[2, row], np.diag(book.P)[4:], rtol=1e-9)


def test_a_box_that_moves_steadily_is_predicted():
    tested = BoxFilter()
    tested.add(np.array([[0.0, 0, 40, 40]]))
    for step in range(1, 60):
        tested.predict(STEP)
        tested.update(np.array([0]), np.array([[3.0 * step, step, 40 + 3 * step, 40 + step]]))
    tested.predict(10 * STEP)
    np.testing.assert_allclose(tested.boxes[0], [177 + 30, 59 + 10, 217 + 30, 99 + 10], atol=1.5)


def test_boxes_that_shrink_stay_boxes():
    tested = BoxFilter()
    tested.add(np.array([[0.0, 0, 40, 40]]))
    tested.predict(STEP)
    tested.update(np.array([0]), np.array([[19.0, 19, 21, 21]]))
    for _ in range(200):
        tested.predict(STEP)
    assert (tested.boxes[:, 2:] > tested.boxes[:, :2]).all()
    assert np.isfinite(tested.covariance).all()
