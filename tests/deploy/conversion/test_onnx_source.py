"""ONNX files with open sizes, a batch of several, or weights in another file, against numpy."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.source import check_kind, open_source
from edge.errors import FileError, InputError

onnx = need("onnx")
WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def scores(pictures):
    """The network by hand: the mean over each picture (n, 3, height, width), and a dense layer: (n, 4)."""
    return pictures.mean(axis=(2, 3)) @ WEIGHTS


def network(path, sizes, fixed_reshape=None, mixing=False, external=False, **metadata):
    """Write the network for pictures of ``sizes``, where a text is an open size, with these metadata properties."""
    nodes = [
        onnx.helper.make_node("GlobalAveragePool", ["picture"], ["means"]),
        onnx.helper.make_node("Reshape", ["means", "shape"], ["vector"]),
        onnx.helper.make_node("MatMul", ["vector", "weights"], ["mixed" if mixing else "scores"]),
    ]
    if mixing:
        nodes.append(onnx.helper.make_node("CumSum", ["mixed", "axis"], ["scores"]))
    constants = [
        onnx.numpy_helper.from_array(np.array([fixed_reshape or -1, 3], np.int64), "shape"),
        onnx.numpy_helper.from_array(np.array(0, np.int64), "axis"),
        onnx.numpy_helper.from_array(WEIGHTS, "weights"),
    ]
    real = onnx.TensorProto.FLOAT
    border = [onnx.helper.make_tensor_value_info("picture", real, sizes)]
    outputs = [onnx.helper.make_tensor_value_info("scores", real, (sizes[0], 4))]
    graph = onnx.helper.make_graph(nodes, "net", border, outputs, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, metadata)
    if external:
        onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=20)
    else:
        onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("sizes", "stated"),
    [
        pytest.param((1, 3, 8, 6), {}, id="fixed"),
        pytest.param(("n", 3, 8, 6), {}, id="open batch"),
        pytest.param((4, 3, 8, 6), {}, id="batch of four"),
        pytest.param(("n", 3, "h", "w"), {"": (3, 8, 6)}, id="open sizes"),
        pytest.param(("n", 3, "h", "w"), {"picture": (1, 3, 8, 6)}, id="open sizes by name"),
    ],
)
@pytest.mark.parametrize("external", [False, True], ids=["one file", "external data"])
def test_a_file_becomes_one_for_a_single_sample(tmp_path, sizes, stated, external):
    path = network(tmp_path / "net.onnx", sizes, external=external)
    source = open_source(str(path), shapes=stated)
    assert [spec.shape for spec in source.inputs] == [(1, 3, 8, 6)]
    assert [spec.shape for spec in source.outputs] == [(1, 4)]
    pictures = np.random.default_rng(1).normal(size=(5, 3, 8, 6)).astype(np.float32)
    np.testing.assert_allclose(source.reference({"picture": pictures})["scores"], scores(pictures), atol=1e-5)
    assert source.name == "net"
    if external:
        (tmp_path / "net.data").unlink()
        assert source.reference({"picture": pictures[:1]})["scores"].shape == (1, 4)


@pytest.mark.parametrize(
    ("sizes", "stated", "words"),
    [
        pytest.param(("n", 3, "h", "w"), {}, r"got \?,3,\?,\? for 'picture'.* --input-shape 3,224,224", id="open"),
        pytest.param(("n", 3, "h", "w"), {"": (1, 8, 8)}, "must fit \\?,3,\\?,\\?", id="another channel count"),
        pytest.param((1, 3, 8, 6), {"": (3, 8, 7)}, "must fit 1,3,8,6", id="fixed otherwise"),
        pytest.param(("n", 3, "h", "w"), {"x": (3, 8, 6)}, r"name an input of net.onnx: picture \?,3,\?,\?", id="name"),
    ],
)
def test_sizes_that_are_open_or_do_not_fit_are_refused_with_the_option_to_type(tmp_path, sizes, stated, words):
    with pytest.raises(InputError, match=words):
        open_source(str(network(tmp_path / "net.onnx", sizes)), shapes=stated)


@pytest.mark.parametrize("broken", [{"fixed_reshape": 4}, {"mixing": True}], ids=["fixed reshape", "mixes samples"])
def test_a_batch_that_cannot_become_one_is_refused(tmp_path, broken):
    with pytest.raises(InputError, match=r"net\.onnx was built for a batch of 4 and cannot be made one"):
        open_source(str(network(tmp_path / "net.onnx", (4, 3, 8, 6), **broken)))


def test_missing_weights_and_damage_are_named_before_anything_is_loaded(tmp_path):
    path = network(tmp_path / "net.onnx", (1, 3, 8, 6), external=True)
    (tmp_path / "net.data").unlink()
    for opened in (check_kind, open_source):
        with pytest.raises(FileError, match=r"keeps weights in net\.data, which is not beside it"):
            opened(str(path))
    path.write_bytes(b"\x08\x08nonsense")
    with pytest.raises(FileError, match="not a readable ONNX file"):
        check_kind(str(path))


def test_the_metadata_of_a_detector_has_the_sizes_that_it_leaves_open(tmp_path):
    """Ultralytics writes the height and width of its exports into the property imgsz."""
    path = network(tmp_path / "net.onnx", ("n", 3, "h", "w"), imgsz="[8, 6]")
    assert [spec.shape for spec in open_source(str(path)).inputs] == [(1, 3, 8, 6)]
    assert [spec.shape for spec in open_source(str(path), shapes={"": (3, 4, 4)}).inputs] == [(1, 3, 4, 4)]
    for sizes, written in ((("n", 3, 9, "w"), "[8, 6]"), (("n", 3, "h", "w"), "640"), (("n", 3, "h", "w"), "[0, 6]")):
        with pytest.raises(InputError, match="--input-shape"):
            open_source(str(network(tmp_path / "open.onnx", sizes, imgsz=written)))


def recurrent(path, sound, state):
    """Write a network that adds the mean of a sound to a state, where a text is an open size."""
    nodes = [
        onnx.helper.make_node("ReduceMean", ["sound"], ["mean"], keepdims=0),
        onnx.helper.make_node("Add", ["state", "mean"], ["next"]),
    ]
    real, value = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    border = [value("sound", real, sound), value("state", real, state)]
    graph = onnx.helper.make_graph(nodes, "net", border, [value("next", real, state)])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("sound", "state", "stated"),
    [
        pytest.param((1, 6), (2, 1, 5), {}, id="fixed"),
        pytest.param(("n", 6), (2, 1, 5), {}, id="an open batch of the sound"),
        pytest.param(("n", "m"), (2, "n", 5), {"sound": (1, 6), "state": (2, 1, 5)}, id="stated"),
    ],
)
def test_the_first_axis_of_a_state_is_no_batch(tmp_path, sound, state, stated):
    source = open_source(str(recurrent(tmp_path / "net.onnx", sound, state)), shapes=stated)
    assert [spec.shape for spec in source.inputs] == [(1, 6), (2, 1, 5)]
    assert source.outputs[0].shape == (2, 1, 5)


def test_the_advice_names_one_of_several_inputs(tmp_path):
    path = recurrent(tmp_path / "net.onnx", ("n", 6), (2, "n", 5))
    with pytest.raises(InputError, match=r"got 2,\?,5 for 'state'.* --input-shape state=2,224,5$"):
        open_source(str(path))
    with pytest.raises(InputError, match=r"of 'state' must fit 2,\?,5.*got 1,1,5"):
        open_source(str(path), shapes={"state": (1, 1, 5)})
