"""SORT as its authors wrote it (https://github.com/abewley/sort), from the paper, with scipy's assignment.

It is the reference that the tracker is compared with, and shares no code with it: a full Kalman filter of seven numbers
x = (u, v, s, r, u', v', s'), IoU 0.3, max_age 1 frame, min_hits 3.
"""

# ruff: noqa: N806 - the matrices have the paper's names

import numpy as np

F = np.eye(7)
F[0, 4] = F[1, 5] = F[2, 6] = 1
H = np.eye(4, 7)
R = np.diag([1.0, 1.0, 10.0, 10.0])
Q = np.diag([1.0, 1.0, 1.0, 1.0, 0.01, 0.01, 0.0001])
P0 = np.diag([10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4])


def _to_z(box):
    w, h = box[2] - box[0], box[3] - box[1]
    return np.array([box[0] + w / 2, box[1] + h / 2, w * h, w / h])


def _to_box(x):
    w = np.sqrt(max(x[2] * x[3], 1e-9))
    h = x[2] / w
    return np.array([x[0] - w / 2, x[1] - h / 2, x[0] + w / 2, x[1] + h / 2])


def _iou(a, b):
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


class _Track:
    def __init__(self, box, number):
        self.x, self.P = np.concatenate([_to_z(box), np.zeros(3)]), P0.copy()
        self.number, self.since, self.streak = number, 0, 0

    def predict(self):
        if self.x[6] + self.x[2] <= 0:
            self.x[6] = 0
        self.x, self.P = F @ self.x, F @ self.P @ F.T + Q
        self.streak = 0 if self.since > 0 else self.streak
        self.since += 1
        return _to_box(self.x)

    def update(self, box):
        self.since, self.streak = 0, self.streak + 1
        S = H @ self.P @ H.T + R
        K = self.P @ H.T @ np.linalg.inv(S)
        self.x = self.x + K @ (_to_z(box) - H @ self.x)
        self.P = (np.eye(7) - K @ H) @ self.P


class PlainSort:
    """One call a frame: boxes (n, 4) to the boxes and numbers of the tracks that are shown."""

    def __init__(self, max_age=1, min_hits=3, iou=0.3):
        self._max_age, self._min_hits, self._iou = max_age, min_hits, iou
        self._tracks, self._frames, self._next = [], 0, 1

    def __call__(self, boxes):
        from scipy.optimize import linear_sum_assignment  # not every environment of the tests has it

        self._frames += 1
        expected = [track.predict() for track in self._tracks]
        iou = np.array([[_iou(box, other) for other in expected] for box in boxes]).reshape(len(boxes), len(expected))
        taken = set()
        for d, t in zip(*linear_sum_assignment(-iou), strict=True):
            if iou[d, t] >= self._iou:
                self._tracks[t].update(boxes[d])
                taken.add(d)
        for d in range(len(boxes)):
            if d not in taken:
                self._tracks.append(_Track(boxes[d], self._next))
                self._next += 1
        shown = [
            (_to_box(t.x), t.number)
            for t in self._tracks
            if t.since < 1 and (t.streak >= self._min_hits or self._frames <= self._min_hits)
        ]
        self._tracks = [t for t in self._tracks if t.since <= self._max_age]
        return shown
