"""How a network's raw outputs become boxes and points: one file per head, one table. Pure numpy.

    decoder = load("yolov8")(signature)
    candidates = decoder(outputs)

A third party adds a decoder with an entry point of the group ``edge.decoders`` that names a class which satisfies
``edge.decoders.base.Decoder`` or ``PoseDecoder`` and says in the attribute ``task`` which of the two it is; functions
``recognize`` and ``roles`` in its module are used where there are any.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from edge import registry
from edge.decoders.base import Recognizer, RoleFinder
from edge.registry import Entry


@dataclass(frozen=True)
class DecoderEntry(Entry):
    """One row of ``DECODERS``.

    Attributes:
        task: the task that the decoder belongs to, ``detect`` or ``keypoints``.
    """

    task: str = "detect"


def _poses(target: str, summary: str) -> DecoderEntry:
    return DecoderEntry(target, summary, task="keypoints")


DECODERS: dict[str, DecoderEntry] = {
    "ssd": DecoderEntry("edge.decoders.ssd:Ssd", "offsets from anchors and scores, SSD and SSDLite"),
    "tflite_detection": DecoderEntry(
        "edge.decoders.tflite_detection:TfliteDetection", "boxes that TFLite_Detection_PostProcess made in the graph"
    ),
    "yolov5": DecoderEntry("edge.decoders.yolov5:Yolov5", "YOLO with objectness: v3, v4, v5, v7, YOLOX"),
    "yolov8": DecoderEntry("edge.decoders.yolov8:Yolov8", "YOLO without objectness: v8, v9, v11, and v10 end to end"),
    "fastestdet": DecoderEntry("edge.decoders.fastestdet:FastestDet", "FastestDet's anchor-free grid"),
    "blazeface": DecoderEntry("edge.decoders.blazeface:BlazeFace", "MediaPipe's faces, palms and poses with landmarks"),
    "rfb": DecoderEntry("edge.decoders.rfb:Rfb", "Ultra-Light-Fast face detectors, with or without decoded boxes"),
    "yunet": DecoderEntry("edge.decoders.yunet:YuNet", "YuNet's faces with five landmarks at three strides"),
    "fomo": DecoderEntry("edge.decoders.fomo:Fomo", "FOMO's centroid maps"),
    "heatmaps": _poses("edge.decoders.heatmaps:Heatmaps", "one map a keypoint, its peak at the keypoint"),
    "movenet": _poses("edge.decoders.movenet:MoveNet", "MoveNet's table of keypoints, one person or several"),
    "yolov8_pose": _poses("edge.decoders.yolov8_pose:Yolov8Pose", "YOLO's boxes with keypoints: v8 and v11"),
    "landmarks": _poses("edge.decoders.landmarks:Landmarks", "vectors of coordinates in pixels of the input"),
}


def names(task: str | None = None) -> list[str]:
    """Return the names that ``load`` accepts, those of one task or of all."""
    return [name for name in registry.names("decoder", DECODERS) if task in (None, task_of(name))]


def load(name: str) -> Any:
    """Return the class of decoder ``name``. Raises InputError for one that is not in the table."""
    return registry.load("decoder", DECODERS, name)


def task_of(name: str) -> str:
    """Return the task that decoder ``name`` belongs to. Raises InputError for an unknown name."""
    return DECODERS[name].task if name in DECODERS else str(getattr(load(name), "task", "detect"))


def recognizer(name: str) -> Recognizer | None:
    """Return the function that tells a file with this head from others; None for a plug-in without one."""
    found: Recognizer | None = getattr(_module(name), "recognize", None)
    return found


def role_finder(name: str) -> RoleFinder | None:
    """Return the function that says which output is which; None for a plug-in without one."""
    found: RoleFinder | None = getattr(_module(name), "roles", None)
    return found


def _module(name: str) -> Any:
    return importlib.import_module(load(name).__module__)
