"""Model files for the tests of metadata: the released ones, and signatures of every kind."""

import shutil

from edge.bundle import open_bundle
from edge.deploy import metadata
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.imaging import InputFormat
from edge.models import weights
from edge.signature import Input, Output, Signature, TaskSpec


def released(name, folder, suffix=".tflite"):
    """Return the manifest of a released int8 bundle, its artifact, and a copy of its file in the folder."""
    bundle = open_bundle(weights.FOLDER / f"{name}_int8.edge")
    artifact = next(one for one in bundle.manifest.artifacts if one.file.endswith(suffix))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / artifact.file
    shutil.copy(bundle.path(artifact), path)
    return bundle.manifest, artifact, path


def described(name, folder, suffix=".tflite"):
    """Return the manifest of a released bundle, and a copy of its file with metadata."""
    manifest, artifact, path = released(name, folder, suffix)
    metadata.add([ConvertedArtifact(path, artifact)], manifest.name, manifest.signature, manifest.labels, refused)
    return manifest, path


def refused(line):
    raise AssertionError(line)


def picture(size=(6, 4), **form):
    """Return an image input of a width and a height."""
    channels = 1 if form.get("colour") == "GRAY" else 3
    return Input("image", "image", (1, size[1], size[0], channels), "float32", InputFormat(**form))


def network(task, outputs, decoder=None, entry=None, **parameters):
    """Return a signature with one picture; outputs are rows of name, role and shape."""
    rows = tuple(Output(*row) for row in outputs)
    return Signature((entry or picture(),), rows, TaskSpec(task, decoder, parameters))
