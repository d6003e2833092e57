"""Change results before the sinks get them: here, keep the class only when it is certain, and save every picture of it.

python examples/own_stage.py net.edge photos/ 0.8 seen/
"""

import sys
from dataclasses import replace
from pathlib import Path

import cv2

import edge
from edge.pipeline import Loop
from edge.sources import open_source

if len(sys.argv) != 5:
    sys.exit(__doc__)

model, source, threshold, folder = sys.argv[1:]
Path(folder).mkdir(parents=True, exist_ok=True)


def keep_certain(frame, result):
    certain = tuple(one for one in result.predictions if one.score >= float(threshold))
    return replace(result, predictions=certain)


def save(event):
    if event.result.predictions:
        label = event.result.predictions[0].label.replace("/", "_")
        cv2.imwrite(f"{folder}/{event.frame.index:06d}_{label}.jpg", event.picture)


with edge.load(model) as network:
    stats = Loop(open_source(source), network, stages=[keep_certain]).run([save])
print(f"{stats.frames} frames, {len(list(Path(folder).iterdir()))} saved")
