"""The comparison with other tools that quantize after training."""

import json
from importlib.util import find_spec

import pytest

from tests.shared import needs_shared, shared
from tools import int8_comparison, int8_page, int8_peers


def figures(agreement, snr, logits):
    return {
        "agreement": agreement, "snr": snr, "snr_by_output": {"scores": snr}, "logits_snr": logits, "measure": "top-1",
        "quality": 90.0, "reference_quality": 91.0, "quality_name": "accuracy",
    }  # fmt: skip


def found(**theirs):
    tools = {"EdgeKit": figures(99.5, 30.0, 31.0), "EdgeKit, ONNX": figures(99.4, 30.0, None), **theirs}
    return {"net": {"calibration": 200, "held_out": 1000, "tools": tools}}


@pytest.mark.parametrize(
    ("theirs", "behind"),
    [
        pytest.param(figures(99.5, 30.0, 31.0), [], id="equal"),
        pytest.param(figures(99.6, 29.0, 29.0), ["agreement 99.60, EdgeKit 99.50"], id="agreement"),
        pytest.param(figures(99.0, 30.5, 29.0), ["SNR of scores 30.50, EdgeKit 30.00"], id="outputs"),
        pytest.param(figures(99.0, 29.0, 31.5), ["SNR of the logits 31.50, EdgeKit 31.00"], id="logits"),
        pytest.param(figures(99.0, 29.0, None), [], id="no logits"),
    ],
)
def test_the_verdict_names_every_figure_that_is_behind(theirs, behind):
    line = int8_page.verdict(found(other=theirs))
    assert all(f"net: other has {one}" in line for one in behind)
    assert ("at least as good" in line) == (not behind)


def test_the_page_has_a_row_for_each_tool(tmp_path, monkeypatch):
    monkeypatch.setattr(int8_page, "PACKAGES", ())
    int8_page.write(tmp_path, found(other=figures(99.0, 29.0, 28.0)), "python -m tools.int8_comparison")
    page = (tmp_path / "int8-peers.md").read_text()
    assert "| net | other | 29.0 | 28.0 | top-1 | 99.00 | accuracy 90.00 | accuracy 91.00 |" in page
    assert "| net | 200 | 1,000 |" in page
    assert json.loads((tmp_path / "int8-peers.json").read_text())["networks"] == found(other=figures(99.0, 29.0, 28.0))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return the comparison of the smallest released network."""
    folder = tmp_path_factory.mktemp("compared")
    return int8_comparison.compare("ds_cnn_fsdd", shared(), (100, 200), folder)["tools"]


@needs_shared
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # of the other tools
@pytest.mark.parametrize("tool", int8_peers.PEERS)
def test_ours_is_nearer_to_the_network_than_another_tools_file(tool, compared):
    if tool == "ai-edge-quantizer" and not find_spec(int8_peers.MODULE):
        pytest.skip("needs ai-edge-quantizer: pip install 'edgekit[peers]'")
    ours, theirs = compared[int8_comparison.OURS], compared[tool]
    assert ours["logits_snr"] >= theirs["logits_snr"]
    assert ours["agreement"] >= theirs["agreement"] - 0.5  # one of 200 sounds
