"""Procedural data sets, drawn or generated with numpy and OpenCV from a seed: one for every task that is trained.

The whole chain can be tried on any machine without a download: ``edge-train MODEL --data scenes:boxes``, or
``python -m edge.scenes --out DIR`` for the pictures themselves. ``edge.scenes.sets`` lists them.
"""

from edge.scenes.clip import moving, write_clip
from edge.scenes.drawing import Scene, draw
from edge.scenes.image_set import write_dataset
from edge.scenes.outlines import CLASSES
from edge.scenes.sets import SETS, draw_set

__all__ = ["CLASSES", "SETS", "Scene", "draw", "draw_set", "moving", "write_clip", "write_dataset"]
