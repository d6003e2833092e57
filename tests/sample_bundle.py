"""A bundle without real networks, for tests of how bundles are written, read and refused."""

from edge.imaging import InputFormat
from edge.manifest import Artifact, Golden, Manifest, StoredFile
from edge.runnable import TensorNames
from edge.signature import Input, Output, Signature, TaskSpec

LABELS = ("cat", "dog", "été, with \u2028 inside")
CONTENT = {
    "net_int8.tflite": b"int8 weights" * 100,
    "net.tflite": b"float weights" * 300,
    "net.onnx": b"onnx" * 200,
    "net.onnx.data": b"weights" * 50,
    "golden_in.npz": b"golden input",
    "golden_out.npz": b"golden outputs",
}
FORM = InputFormat("RGB", (123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "letterbox", "NHWC")
SIGNATURE = Signature(
    (Input("image", "image", (1, 96, 128, 3), "float32", FORM), Input("age", "tensor", (1, 1), "int32")),
    (Output("scores", "scores", (1, 3)), Output("vector", "embedding", (1, 8))),
    TaskSpec("classify", None, {"activation": "softmax", "anchors": [[1, 2.5]]}),
)
NAMES = TensorNames({"image": "in:0", "age": "in:1"}, {"scores": "out:1", "vector": "out:0"})
GOLDEN = Golden(StoredFile("golden_in.npz"), StoredFile("golden_out.npz"), {"scores": 0.01, "vector": 0.5})
ARTIFACTS = (
    Artifact("tflite", "int8", (StoredFile("net_int8.tflite"),), "cpu", NAMES, GOLDEN),
    Artifact("tflite", "float32", (StoredFile("net.tflite"),)),
    Artifact("onnx", "float32", (StoredFile("net.onnx"), StoredFile("net.onnx.data"))),
)


def manifest(**changes):
    whole = {
        "name": "pets",
        "signature": SIGNATURE,
        "labels": LABELS,
        "artifacts": ARTIFACTS,
        "provenance": {"recipe": "int8", "samples": [3, 1, 2]},
        "measured": {"float32": {"top1": 0.91}},
    }
    return Manifest(**{**whole, **changes})


def write_sources(folder):
    """Write the files of the bundle into a new folder and return their paths by name."""
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in CONTENT}
