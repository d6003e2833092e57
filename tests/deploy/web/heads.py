"""Random outputs of every head that the app decodes, with the signature that the device reads them by."""

import numpy as np

from edge.decoders import rfb, yolov5
from edge.decoders.heads import grid_sizes, places
from edge.imaging import InputFormat
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import Quantization, Tensor, TensorSpec

SIZE = (96, 64)
NMS = ("per_class", "per_class", "class_agnostic", "soft_linear", "soft_gaussian", "none")


def signature(task, outputs, size=SIZE):
    """Return a signature of one RGB picture; outputs is a sequence of (name, role, shape)."""
    entry = Input("image", "image", (1, size[1], size[0], 3), "float32", InputFormat())
    return Signature((entry,), tuple(Output(name, role, shape) for name, role, shape in outputs), task)


def tensor(rng, name, values, quantized=None):
    """Return an output with these values; half of them quantized to 8 bits with a scale that covers the values."""
    values = np.asarray(values, np.float32)
    if quantized is None:
        quantized = bool(rng.integers(2))
    if not quantized:
        return Tensor(values, TensorSpec(name, values.shape, values.dtype))
    low, high = min(0.0, float(values.min())), max(float(values.max()), 1e-3)
    dtype = np.dtype((np.int8, np.uint8)[rng.integers(2)])
    limits = np.iinfo(dtype)
    scale = (high - low) / 255
    zero = int(limits.min + round(-low / scale))
    raw = np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(dtype)
    return Tensor(raw, TensorSpec(name, values.shape, dtype, Quantization(scale, zero)))


def scores(rng, shape, quantized=False):
    """Return scores of which a few are high; quantized ones have many ties."""
    values = rng.beta(0.25, 2.0, shape).astype(np.float32)
    return (values * 16).round() / 16 if quantized else values


def selection(rng):
    """Return random parameters of the selection."""
    found = {
        "score_threshold": float(rng.choice([0.05, 0.25, 0.5, 0.7])),
        "iou_threshold": float(rng.choice([0.2, 0.45, 0.7])),
        "max_detections": int(rng.choice([3, 20, 100])),
        "nms": NMS[rng.integers(len(NMS))],
        "sigma": float(rng.choice([0.3, 0.5])),
    }
    return {**found, "best_class_only": bool(rng.integers(2))}


def detect(decoder, parameters, rng):
    return TaskSpec("detect", decoder, {**selection(rng), **parameters})


def ssd(rng):
    background, activation = bool(rng.integers(2)), ("none", "softmax", "sigmoid")[rng.integers(3)]
    anchors = rng.uniform(0.1, 0.6, (40, 4)).round(3).tolist()
    parameters = {
        "anchors": anchors, "offsets": ("yxhw", "xywh")[rng.integers(2)], "variances": [0.1, 0.2],
        "background": background, "activation": activation, "clip": bool(rng.integers(2)),
    }  # fmt: skip
    columns = int(rng.integers(1, 5)) + background
    values = scores(rng, (1, 40, columns)) if activation == "none" else rng.normal(0, 3, (1, 40, columns))
    tensors = [tensor(rng, "offsets", rng.normal(0, 2, (1, 40, 4))), tensor(rng, "scores", values)]
    return detect("ssd", parameters, rng), [("boxes", tensors[0]), ("scores", tensors[1])]


def ssd_recipe(rng):
    """An SSD with the anchors of our own networks."""
    parameters = {"anchors": {"strides": [16, 32], "ratios": [2.0], "scales": [0.2, 0.7]}}
    count = 4 * (6 * 4 + 3 * 2)
    tensors = [tensor(rng, "b", rng.normal(0, 2, (1, count, 4))), tensor(rng, "s", scores(rng, (1, count, 4)))]
    return detect("ssd", parameters, rng), [("boxes", tensors[0]), ("scores", tensors[1])]


def rfb_head(rng):
    count, decoded = rfb.prior_count(SIZE), bool(rng.integers(2))
    corners = np.sort(rng.uniform(-0.1, 1.1, (1, count, 2, 2)), axis=2).reshape(1, count, 4)
    boxes = corners if decoded else rng.normal(0, 2, (1, count, 4))
    tensors = [tensor(rng, "boxes", boxes), tensor(rng, "scores", scores(rng, (1, count, 2)))]
    return detect("rfb", {"decoded": decoded}, rng), [("boxes", tensors[0]), ("scores", tensors[1])]


def _xywh(rng, count, form):
    centres = rng.uniform(0, 1, (count, 2)) * (SIZE if form == "pixels" else (1, 1))
    sides = rng.uniform(0.02, 0.5, (count, 2)) * (SIZE if form == "pixels" else (1, 1))
    if form == "grid":
        centres, sides = rng.normal(0, 1, (count, 2)), rng.normal(0.5, 0.7, (count, 2))
    return np.concatenate([centres, sides], axis=1)


def _dense(rng, rows, form):
    """Return an output of boxes and scores; one scale for pixels and scores would leave no scores."""
    return tensor(rng, "out", rows[None], quantized=False if form == "pixels" else None)


def yolov8(rng):
    count, classes = places(SIZE, (8, 16, 32)), int(rng.integers(1, 5))
    form, first = ("pixels", "fractions")[rng.integers(2)], bool(rng.integers(2))
    rows = np.concatenate([_xywh(rng, count, form), scores(rng, (count, classes))], axis=1)
    stated = {"coordinates": ("auto", form)[rng.integers(2)], "layout": "rows_first" if first else "rows_last"}
    return detect("yolov8", stated, rng), [("detections", _dense(rng, rows.T if first else rows, form))]


def yolov8_end_to_end(rng):
    form = ("pixels", "fractions")[rng.integers(2)]
    corners = np.sort(rng.uniform(0, 1, (30, 2, 2)) * (SIZE if form == "pixels" else (1, 1)), axis=1).reshape(30, 4)
    given = np.where(rng.uniform(size=(30, 1)) < 0.3, 0, scores(rng, (30, 1)))
    rows = np.concatenate([corners, given, rng.integers(0, 4, (30, 1))], axis=1)
    stated = {"end_to_end": True, **({"classes": 4} if rng.integers(2) else {})}
    return detect("yolov8", stated, rng), [("detections", tensor(rng, "out", rows[None], quantized=False))]


def yolov5_head(rng):
    count, form = places(SIZE, (8, 16, 32)), ("pixels", "fractions", "grid")[rng.integers(3)]
    rows = np.concatenate([_xywh(rng, count, form), scores(rng, (count, 1)), scores(rng, (count, 3))], axis=1)
    stated = {"coordinates": ("auto", form)[rng.integers(2)]}
    return detect("yolov5", stated, rng), [("detections", _dense(rng, rows, form))]


def yolov5_raw(rng):
    columns, layout = 5 + int(rng.integers(1, 4)), rng.integers(3)
    found = []
    for stride, (rows, wide) in zip(yolov5.STRIDES, grid_sizes(SIZE, yolov5.STRIDES), strict=True):
        shape = [(1, 3, rows, wide, columns), (1, 3 * columns, rows, wide), (1, rows, wide, 3 * columns)][layout]
        found.append(("detections", tensor(rng, f"head{stride}", rng.normal(-1, 2, shape))))
    order = rng.permutation(3)
    return detect("yolov5", {}, rng), [found[place] for place in order]


def blazeface(rng):
    grids, points = [[8, 2], [4, 6]], int(rng.choice([0, 6, 7]))
    count = 8 * 8 * 2 + 4 * 4 * 6
    rows = np.concatenate([rng.normal(0, 8, (count, 2)), rng.uniform(2, 60, (count, 2)),
                           rng.normal(0, 20, (count, 2 * points))], axis=1)  # fmt: skip
    tensors = [tensor(rng, "boxes", rows[None]), tensor(rng, "scores", rng.normal(-2, 3, (1, count, 1)))]
    parameters = {"grids": grids, "points": points, "label": "palm"}
    return detect("blazeface", parameters, rng), [("boxes", tensors[0]), ("scores", tensors[1])]


def yunet(rng):
    found = []
    for stride, (rows, columns) in zip((8, 16, 32), grid_sizes(SIZE, (8, 16, 32)), strict=True):
        count = rows * columns
        for role, wide in (("scores", 1), ("objectness", 1), ("boxes", 4), ("points", 10)):
            values = scores(rng, (1, count, 1)) ** 0.5 if wide == 1 else rng.normal(0, 1, (1, count, wide))
            found.append((role, tensor(rng, f"{role}{stride}", values)))
    return detect("yunet", {}, rng), [found[place] for place in rng.permutation(len(found))]


def fastestdet(rng):
    width, height = SIZE
    cells = rng.normal(0, 1, (height // 16, width // 16, 8))
    cells[..., 0], cells[..., 5:] = scores(rng, cells.shape[:2]), scores(rng, (*cells.shape[:2], 3))
    values = cells.transpose(2, 0, 1)[None] if rng.integers(2) else cells[None]
    return detect("fastestdet", {}, rng), [("detections", tensor(rng, "out", values))]


def fomo(rng):
    activation = ("none", "softmax")[rng.integers(2)]
    shape = (1, SIZE[1] // 8, SIZE[0] // 8, 3)
    values = scores(rng, shape) if activation == "none" else rng.normal(0, 2, shape)
    return detect("fomo", {"activation": activation}, rng), [("scores", tensor(rng, "map", values))]


def tflite_detection(rng):
    boxes = np.sort(rng.uniform(-0.1, 1.1, (1, 10, 2, 2)), axis=2).reshape(1, 10, 4)
    first = int(rng.integers(2))
    tensors = {
        "boxes": boxes, "classes": rng.integers(0, 5, (1, 10)) + first,
        "scores": np.sort(scores(rng, (1, 10)))[:, ::-1], "count": [float(rng.integers(0, 11))],
    }  # fmt: skip
    stated = {"first_class": first, **({"classes": 5} if rng.integers(2) else {})}
    outputs = [(role, tensor(rng, role, values, quantized=False)) for role, values in tensors.items()]
    return detect("tflite_detection", stated, rng), outputs


DETECTORS = (
    ssd, ssd_recipe, rfb_head, yolov8, yolov8_end_to_end, yolov5_head, yolov5_raw, blazeface, yunet, fastestdet, fomo,
    tflite_detection,
)  # fmt: skip


def classifier(rng):
    count = int(rng.choice([1, 2, 5, 30]))
    activation = ("auto", "none", "sigmoid", "softmax")[rng.integers(4 if count > 1 else 3)]
    multi = bool(rng.integers(2))
    stated = {"activation": activation, "multi_label": multi, "threshold": float(rng.choice([0, 0.2, 0.5]))}
    if rng.integers(2):
        stated["top"] = int(rng.integers(1, 6))
    are_scores = activation == "none" or (activation == "auto" and rng.integers(2))
    values = scores(rng, (1, count), quantized=bool(rng.integers(2))) if are_scores else rng.normal(0, 2, (1, count))
    if are_scores and rng.integers(2):  # the quantization of a softmax in TFLite
        raw = np.clip(np.round(values * 256) - 128, -128, 127).astype(np.int8)
        found = Tensor(raw, TensorSpec("scores", raw.shape, raw.dtype, Quantization(1 / 256, -128)))
    else:
        found = tensor(rng, "scores", values)
    return TaskSpec("classify", None, stated), [("scores", found)]


def segmenter(rng):
    channels, rows, columns = int(rng.choice([1, 2, 5, 300])), 8, 12
    layout = ("NHWC", "NCHW")[rng.integers(2)]
    shape = (1, rows, columns, channels) if layout == "NHWC" else (1, channels, rows, columns)
    stated = {"layout": layout, "threshold": float(rng.choice([0.3, 0.5]))}
    if channels == 1 and rng.integers(2):
        values = rng.integers(0, 7, shape)
        if rng.integers(2):
            found = Tensor(values.astype(np.int32), TensorSpec("mask", shape, np.dtype(np.int32)))
        else:
            found = tensor(rng, "mask", values, quantized=False)
        return TaskSpec("segment", None, {**stated, "class_numbers": True}), [("mask", found)]
    values = scores(rng, shape) if rng.integers(2) else rng.normal(0, 2, shape)
    return TaskSpec("segment", None, stated), [("mask", tensor(rng, "mask", values))]
