"""The tracker against a plain SORT: MOTA and identity switches on drawn clips of ten objects that cross.

    python -m tests.performance.tracking

``trackeval`` evaluates both. It is installed in an environment of its own, because it needs a second OpenCV. Without
it ``measure`` returns the reason as ``skipped``, and the time of a frame with 100 boxes all the same.
"""

import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np

from edge.control import EVERY_SOURCE, Control, Settings
from edge.frames import Frame
from edge.places import Line
from edge.results import Prediction, Result
from edge.stages.counting import Counter, CountingOptions
from edge.stages.tracker import Tracker, TrackerOptions
from tests.stages.crossing_clip import FPS, SIZE, Detections, clip
from tests.stages.plain_sort import PlainSort

TRACKEVAL = "trackeval==1.3.0"
SEEDS = range(10)
HIGH = 0.5
"""The least score of the detections that a plain SORT gets, as in its paper."""

Shown = list[tuple[int, list[float]]]
"""The number and the box of each track in a frame."""

_PICTURE = np.zeros((720, 1280), np.uint8)

_EVALUATE = """
import json, sys
import numpy as np
from trackeval.metrics import CLEAR, HOTA, Identity
data = json.load(open(sys.argv[1]))
out = {}
for name, clips in data.items():
    found = {metric.get_name(): {} for metric in (CLEAR, HOTA, Identity)}
    for number, one in enumerate(clips):
        sequence = {k: [np.asarray(row, int) for row in one[k]] for k in ("gt_ids", "tracker_ids")}
        sequence["similarity_scores"] = [
            np.asarray(row, float).reshape(len(g), len(t))
            for row, g, t in zip(one["iou"], one["gt_ids"], one["tracker_ids"])
        ]
        for key, rows in (("gt", "gt_ids"), ("tracker", "tracker_ids")):
            flat = [value for row in one[rows] for value in row]
            sequence[f"num_{key}_ids"] = len(set(flat))
            sequence[f"num_{key}_dets"] = len(flat)
        sequence["num_timesteps"] = len(one["iou"])
        for metric in (CLEAR, HOTA, Identity):
            found[metric.get_name()][str(number)] = metric({"PRINT_CONFIG": False}).eval_sequence(sequence)
    clear = CLEAR({"PRINT_CONFIG": False}).combine_sequences(found["CLEAR"])
    hota = HOTA().combine_sequences(found["HOTA"])
    identity = Identity({"PRINT_CONFIG": False}).combine_sequences(found["Identity"])
    out[name] = {"mota": float(clear["MOTA"]), "switches": int(clear["IDSW"]), "misses": int(clear["CLR_FN"]),
                 "false": int(clear["CLR_FP"]), "idf1": float(identity["IDF1"]), "hota": float(np.mean(hota["HOTA"]))}
print("FOUND" + json.dumps(out))
"""


def measure(folder: Path | None = None) -> dict[str, Any]:
    """Return MOTA, identity switches, IDF1 and HOTA of each tracker over all clips, with the time and the counts.

    ``ms_100_boxes`` is the time of a frame with 100 boxes. ``crossings`` is how often the objects of the clips cross a
    line in the middle of the picture, where they also meet, and ``counted`` how many of these are counted.

    Args:
        folder: where trackeval's environment is kept. None makes one for this run.
    """
    counts = [crossings(clip(seed)) for seed in SEEDS]
    found: dict[str, Any] = {
        "ms_100_boxes": round(time_of(100), 3),
        "crossings": sum(true for true, _ in counts),
        "counted": sum(counted for _, counted in counts),
        "clips_counted_exactly": sum(true == counted for true, counted in counts),
    }
    with tempfile.TemporaryDirectory() as temporary:
        try:
            python = environment(folder or Path(temporary) / "trackeval")
            found |= evaluate(python, Path(temporary))
        except (subprocess.SubprocessError, OSError) as error:
            found["skipped"] = f"{TRACKEVAL} cannot be installed here: {error}"[:300]
    return found


def is_good(found: dict[str, Any]) -> bool:
    """Return whether both methods have at least a plain SORT's MOTA and at most its identity switches.

    A plain SORT that keeps its tracks for 30 frames has fewer switches than the published one, and is compared by MOTA.
    """
    plain, patient = found["plain SORT"], found["plain SORT, max_age 30"]
    return all(
        found[name]["mota"] >= max(plain["mota"], patient["mota"]) and found[name]["switches"] <= plain["switches"]
        for name in ("bytetrack", "sort")
    )


def environment(folder: Path) -> Path:
    """Install trackeval into an environment in ``folder``, unless it is there, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", TRACKEVAL], check=True, timeout=600)
    subprocess.run([str(python), "-c", "import trackeval"], check=True, capture_output=True, timeout=120)
    return python


def evaluate(python: Path, folder: Path) -> dict[str, Any]:
    """Run all trackers on all clips and let trackeval evaluate them."""
    clips = [clip(seed) for seed in SEEDS]
    runs = {
        "bytetrack": [ours(frames, "bytetrack") for frames in clips],
        "sort": [ours(frames, "sort") for frames in clips],
        "plain SORT": [plain(frames) for frames in clips],
        "plain SORT, max_age 30": [plain(frames, max_age=30) for frames in clips],
    }
    rows = {
        name: [_sequence(frames, shown) for frames, shown in zip(clips, run, strict=True)] for name, run in runs.items()
    }
    (folder / "tracks.json").write_text(json.dumps(rows))
    (folder / "evaluate.py").write_text(_EVALUATE)
    command = [str(python), str(folder / "evaluate.py"), str(folder / "tracks.json")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    evaluated: dict[str, Any] = json.loads(done.stdout.split("FOUND")[1])
    return evaluated


def ours(frames: list[Detections], method: str, fps: float = FPS) -> list[Shown]:
    """Run the project's tracker with its defaults."""
    tracker = Tracker(TrackerOptions(method=method))  # type: ignore[arg-type]
    shown = []
    for index, one in enumerate(frames):
        result = tracker(_frame(index, fps), _result(one.boxes, one.scores))
        shown.append([(p.id, list(p.box)) for p in result.predictions if p.id is not None and p.box is not None])
    return shown


def plain(frames: list[Detections], max_age: int = 1) -> list[Shown]:
    """Run the plain SORT. It is given boxes above HIGH, and its answer is its own smoothed box, as it was published.

    Args:
        frames: the clip.
        max_age: the frames after which a track that is not seen ends; 1 in the paper.
    """
    tracker = PlainSort(max_age)
    return [[(number, box.tolist()) for box, number in tracker(one.boxes[one.scores >= HIGH])] for one in frames]


def crossings(frames: list[Detections]) -> tuple[int, int]:
    """Return how often the objects of a clip cross a vertical line in the middle in truth, and as it is counted."""
    line = Line("middle", ((0.5, 1.0), (0.5, 0.0)))
    tracker, counter = Tracker(), Counter(Control(Settings(shapes={EVERY_SOURCE: (line,)})))
    for index, one in enumerate(frames):
        frame = _frame(index, FPS)
        counts = counter(frame, tracker(frame, _result(one.boxes, one.scores))).places[0].counts
    slack = CountingOptions().hysteresis * SIZE[1]
    true = 0
    for number in range(len(frames[0].truth)):
        middles = [
            (one.truth[number, 0] + one.truth[number, 2]) / 2 - SIZE[0] / 2 for one in frames if one.there[number]
        ]
        sides = np.sign([middle for middle in middles if abs(middle) > slack])
        true += int((np.diff(sides) != 0).sum())
    return true, counts["in"] + counts["out"]


def time_of(count: int, frames: int = 100) -> float:
    """Return the median time of a frame with ``count`` moving boxes, in ms."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1200, (count, 2))
    tracker, seconds = Tracker(), []
    for index in range(frames):
        moved = corners + index + rng.normal(0, 1, corners.shape)
        result = _result(np.concatenate([moved, moved + 60], axis=1), rng.uniform(0.3, 1, count))
        started = time.perf_counter()
        tracker(_frame(index, FPS), result)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds) * 1e3)


def _frame(index: int, fps: float) -> Frame:
    return Frame(_PICTURE, "GRAY", index, round(index / fps * 1e9), "arrival", "clip")


def _result(boxes: np.ndarray, scores: np.ndarray) -> Result:
    rows = zip(boxes.tolist(), scores.tolist(), strict=True)
    return Result("detect", tuple(Prediction("person", score, 0, tuple(box)) for box, score in rows))


def _sequence(frames: list[Detections], shown: list[Shown]) -> dict[str, Any]:
    """Return a clip in trackeval's form: numbers from 0 on, without gaps, and the IoU of all pairs in each frame."""
    numbers: dict[int, int] = {}
    rows: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "iou": []}
    for one, tracks in zip(frames, shown, strict=True):
        there = np.flatnonzero(one.there)
        rows["gt_ids"].append(there.tolist())
        rows["tracker_ids"].append([numbers.setdefault(number, len(numbers)) for number, _ in tracks])
        rows["iou"].append([[_iou(one.truth[row], box) for _, box in tracks] for row in there])
    return rows


def _iou(first: np.ndarray, second: list[float]) -> float:
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    common = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return float(common / (sum(areas) - common))


def main() -> None:
    print(json.dumps(measure(Path(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))


if __name__ == "__main__":
    main()
