"""What a configuration needs to be installed on a device."""

import pytest

from edge.camera.mappings import build
from edge.camera.needs import extras


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, set()),
        ({"sink": [{"kind": "jsonl", "target": "-"}]}, set()),
        ({"sink": [{"kind": "metrics", "target": "1"}, {"kind": "preview"}]}, {"metrics", "preview"}),
        ({"track": True}, {"track"}),
        ({"model": {"file": "m", "backend": "onnxruntime"}}, {"onnx"}),
    ],
)
def test_extras(values, found):
    assert extras(build({"model": "m", **values})) == found
