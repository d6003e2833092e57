"""``head`` states what a decoder of the app (``app/js/decoders``) is told: its parameters, checked and with defaults.

The decoder of the device has read the same parameters before, so that none is wrong here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from edge.decoders import fastestdet, fomo, rfb, ssd, yolo_boxes, yolov5, yunet
from edge.decoders.anchors import Boxes
from edge.decoders.blazeface import POINTS, PUBLISHED
from edge.decoders.heads import grid_sizes, input_size
from edge.errors import InputError
from edge.signature import Output, Signature

Head = tuple[dict[str, Any], Boxes | None]
"""Parameters as JSON values, and anchors or None."""


def head(signature: Signature) -> Head:
    """Return what the app's decoder is told.

    Raises:
        InputError: the app has no such decoder.
    """
    name = signature.task.decoder or ""
    if name not in HEADS:
        raise InputError(f"the phone app has the decoders {', '.join(HEADS)}, the bundle states {name or 'none'}")
    found, anchors = HEADS[name](signature, signature.task.parameters)
    shapes = {output.role: {"shape": list(output.shape)} for output in signature.outputs}
    return {"size": list(input_size(signature, name)), "outputs": shapes, **found}, anchors


def _ssd(signature: Signature, given: Mapping[str, Any]) -> Head:
    anchors = ssd.anchors_from(given.get("anchors"), input_size(signature, "ssd"))
    return {
        "xywh": given.get("offsets", "yxhw") == "xywh",
        "variances": list(given.get("variances", (0.1, 0.2))),
        "background": int(given.get("background", True)),
        "activation": given.get("activation", "none"),
        "clip": given.get("clip", True),
    }, anchors


def _rfb(signature: Signature, given: Mapping[str, Any]) -> Head:
    return {"decoded": given.get("decoded", False)}, rfb.priors(input_size(signature, "rfb"))


def _yolov8(signature: Signature, given: Mapping[str, Any]) -> Head:
    shape = signature.one("detections").shape
    end_to_end, layout = given.get("end_to_end", False), given.get("layout", "auto")
    rows_first = layout == "rows_first" or (layout == "auto" and shape[1] < shape[2])
    return {
        "rowsFirst": rows_first and not end_to_end,
        "endToEnd": end_to_end,
        "coordinates": given.get("coordinates", "auto"),
        "classes": given.get("classes"),
    }, None


def _yolov5(signature: Signature, given: Mapping[str, Any]) -> Head:
    outputs, size = signature.with_role("detections"), input_size(signature, "yolov5")
    if len(outputs) == 1:
        strides = yolo_boxes.strides_for(size, outputs[0].shape[1])
        return {"coordinates": given.get("coordinates", "auto"), "strides": strides}, None
    anchors = given.get("anchors", yolov5.ANCHORS)
    heads = [_raw_head(output, size, anchors) for output in outputs]
    return {"columns": heads[0].pop("numbers"), "heads": heads}, None


def _raw_head(output: Output, size: tuple[int, int], anchors: Any) -> dict[str, Any]:
    """Return stride, layout and anchors of one raw head, as ``edge.decoders.yolov5`` finds them."""
    shape = output.shape[1:]
    for level, (rows, columns) in enumerate(grid_sizes(size, yolov5.STRIDES)):
        layouts = {
            "boxes_first": (shape[:3] == (3, rows, columns), shape[-1]),
            "channels_first": (len(shape) == 3 and shape[1:] == (rows, columns), shape[0] // 3),
            "channels_last": (len(shape) == 3 and shape[:2] == (rows, columns), shape[-1] // 3),
        }
        for layout, (fits, numbers) in layouts.items():
            if fits:
                flat = [float(value) for value in anchors[level]]
                pairs = [flat[at : at + 2] for at in (0, 2, 4)]
                found = {"name": output.name, "rows": rows, "columns": columns, "layout": layout, "anchors": pairs}
                return {**found, "stride": yolov5.STRIDES[level], "numbers": numbers}
    raise InputError(f"output {output.name!r} {output.shape} is no raw head of YOLO")


def _blazeface(signature: Signature, given: Mapping[str, Any]) -> Head:
    grids = [list(row) for row in given.get("grids", PUBLISHED[0].grids)]
    return {"grids": grids, "points": given.get("points", POINTS)}, None


def _yunet(signature: Signature, given: Mapping[str, Any]) -> Head:
    counts = [rows * columns for rows, columns in grid_sizes(input_size(signature, "yunet"), yunet.STRIDES)]
    by_count = {role: {o.shape[1]: o.name for o in signature.with_role(role)} for role in yunet.ROLES}
    return {"names": {role: [found[count] for count in counts] for role, found in by_count.items()}}, None


def _fastestdet(signature: Signature, given: Mapping[str, Any]) -> Head:
    width, height = input_size(signature, "fastestdet")
    rows, columns = height // fastestdet.STRIDE, width // fastestdet.STRIDE
    shape = signature.one("detections").shape
    first = shape[2:] == (rows, columns) and shape[1] >= 6
    return {"rows": rows, "columns": columns, "channelsFirst": first, "numbers": shape[1 if first else 3]}, None


def _fomo(signature: Signature, given: Mapping[str, Any]) -> Head:
    return {"activation": given.get("activation", "none")}, None


def _tflite_detection(signature: Signature, given: Mapping[str, Any]) -> Head:
    return {"firstClass": given.get("first_class", 0), "classes": given.get("classes")}, None


HEADS: dict[str, Callable[[Signature, Mapping[str, Any]], Head]] = {
    "ssd": _ssd,
    "tflite_detection": _tflite_detection,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "fastestdet": _fastestdet,
    "blazeface": _blazeface,
    "rfb": _rfb,
    "yunet": _yunet,
    "fomo": _fomo,
}
"""By the name in ``edge.decoders.DECODERS``; ``app/js/decoders/table.js`` has the same names."""

FOMO_THRESHOLD = fomo.THRESHOLD
