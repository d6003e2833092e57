"""A drawn image set: one object on a textured background, with its class, its box and its mask.

Everything is drawn from a seed with numpy and OpenCV. So the whole chain can be tried on any machine without a
download: ``python -m edge.scenes --out DIR``.
"""

from edge.scenes.clip import moving, write_clip
from edge.scenes.dataset import write_dataset
from edge.scenes.drawing import Scene, draw
from edge.scenes.shapes import CLASSES

__all__ = ["CLASSES", "Scene", "draw", "moving", "write_clip", "write_dataset"]
