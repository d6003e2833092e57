"""Bundles of fake and hand-written networks, to measure without training one."""

from edge.bundle import write_bundle
from edge.imaging import InputFormat
from edge.manifest import Artifact, Manifest, StoredFile
from edge.signature import Input, Output, Signature, TaskSpec
from tests.backends import models

SIGNATURE = Signature(
    (Input("image", "image", models.IMAGE, format=InputFormat()),),
    (Output("features", "tensor", models.FEATURES),),
    TaskSpec("raw"),
)
MAKE = {"tflite": models.tflite_conv, "onnx": models.onnx_conv, "fake": models.fake}
FILES = (("tflite", "float32", "cpu"), ("fake", "int8", "cpu"))


def small_bundle(path, folder, rows=FILES):
    """Write a bundle of hand-written networks. rows: format, precision and target of each; returns its path."""
    folder.mkdir(exist_ok=True)
    sources, artifacts = {}, []
    for kind, precision, target in rows:
        name = f"net_{target}.{kind}"
        sources[name] = MAKE[kind](folder / name)
        artifacts.append(Artifact(kind, precision, (StoredFile(name),), target))
    write_bundle(path, Manifest("net", SIGNATURE, ("a", "b"), tuple(artifacts)), sources)
    return path
