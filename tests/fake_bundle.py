"""A bundle for the fake backend, for tests of what runs bundles."""

from edge.bundle import write_bundle
from edge.imaging import InputFormat
from edge.manifest import Artifact, Manifest, StoredFile
from edge.runnable import TensorNames
from edge.signature import Input, Output, Signature, TaskSpec
from tests.loops import BANDS, fake_model

FORM = InputFormat(colour="BGR", mean=(0.0,), std=(255.0,))
CLASSIFY = Signature(
    (Input("image", "image", (1, 8, 8, 3), "float32", FORM),),
    (Output("scores", "scores", (1, 4)),),
    TaskSpec("classify", None, {"activation": "none"}),
)


def bundle(folder, rows=(("fake", "int8"),), labels=BANDS, name="bands", signature=CLASSIFY, tensors=None):
    """Write a bundle whose network says which quarter of a picture is brightest."""
    sources, artifacts = {}, []
    for number, (suffix, precision) in enumerate(rows):
        file = f"{name}_{precision}_{number}.{suffix}"
        sources[file] = fake_model(folder, dtype="float32").rename(folder / file)
        artifacts.append(Artifact(suffix, precision, (StoredFile(file),), "cpu", tensors or TensorNames()))
    path = folder / f"{name}.bundle"
    write_bundle(path, Manifest(name, signature, tuple(labels), tuple(artifacts)), sources)
    return path
