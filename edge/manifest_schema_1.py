"""``read`` returns the manifest of a bundle of schema 1, as the first releases wrote it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.errors import InputError
from edge.manifest import Artifact, Manifest, input_format, stored_file
from edge.signature import Input, Output, Signature, TaskSpec


def read(raw: Mapping[str, Any], labels: tuple[str, ...]) -> Manifest:
    """Return a manifest of schema 1, which knew one image input and one vector of class scores."""
    height, width, channels = (int(v) for v in raw["size"])
    if min(height, width, channels) < 1:
        raise InputError(f"size must be height, width and channels of at least 1, got {raw['size']}")
    if raw["output"] not in ("probabilities", "logits"):
        raise InputError(f"output must be probabilities or logits, got {raw['output']!r}")
    form = input_format(raw["input"], channels)
    sizes = (channels, height, width) if form.layout == "NCHW" else (height, width, channels)
    activation = "none" if raw["output"] == "probabilities" else "softmax"
    signature = Signature(
        (Input("image", "image", (1, *sizes), "float32", form),),
        (Output("scores", "scores", (1, len(labels))),),
        TaskSpec(str(raw["task"]), None, {"activation": activation}),
    )
    artifacts = tuple(
        Artifact(str(r["format"]), str(r["precision"]), (stored_file({**r, "name": r["file"]}),), str(r["target"]))
        for r in raw["artifacts"]
    )
    manifest = Manifest(str(raw["name"]), signature, labels, artifacts, raw["provenance"], raw["measured"])
    return replace(manifest, schema=1)
