import json
import subprocess
import sys

import pytest

from edge.errors import InputError
from edge.models import available, build
from edge.models.registry import NETWORKS


def test_available_lists_the_table_first():
    assert available()[: len(NETWORKS)] == list(NETWORKS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"name": "shuflenet_v2"}, "did you mean 'shufflenet_v2'", id="misspelt name"),
        pytest.param({"input_shape": (31, 64, 3)}, "height >= 32", id="too low"),
        pytest.param({"input_shape": (64, 31, 3)}, "width >= 32", id="too narrow"),
        pytest.param({"input_shape": (64, 64)}, r"got \(64, 64\)", id="no channels"),
        pytest.param({"input_shape": (64, 64, 0)}, "channels >= 1", id="zero channels"),
        pytest.param({"classes": 0}, "classes must be at least 1, got 0", id="no class"),
        pytest.param({"width": 0}, "width must be above 0", id="zero width"),
        pytest.param({"width": -1.0}, "width must be above 0", id="negative width"),
        pytest.param({"width": 17}, "at most 16, got 17", id="width beyond reason"),
        pytest.param({"width": float("nan")}, "width must be above 0", id="width is no number"),
        pytest.param({"groops": 3}, "mobilenet_v2 takes no option 'groops'; it takes: .*downsample", id="option"),
        pytest.param({"groups": 3}, "mobilenet_v2 takes no option 'groups'", id="another network's option"),
        pytest.param({"downsample": 5}, "downsample must be one of", id="stride"),
        pytest.param({"name": "shufflenet_v1", "groups": 5}, r"groups must be one of \[1, 2, 3, 4, 8\]", id="groups"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        build(**{"name": "mobilenet_v2", "input_shape": (64, 64, 3), "classes": 2, **arguments})


def test_importing_and_listing_import_no_framework():
    code = (
        "import sys, json, edge.models; edge.models.available()\n"
        "print(json.dumps([m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
