"""What a SavedModel may do while it is loaded, and which signatures fit."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.convert.saved_model import open_saved_model
from edge.errors import InputError
from tests.deploy.keras_files import SIZE, small

tf = need("tensorflow")
IMAGES = np.random.default_rng(0).normal(size=(5, *SIZE)).astype(np.float32)
SPEC = tf.TensorSpec((None, *SIZE), tf.float32, name="pixels")


def saved(path, function, *specs, **parts):
    """Save ``function`` as the serving signature of a module that has ``parts``."""
    module = tf.Module()
    for name, part in parts.items():
        setattr(module, name, part)
    tf.saved_model.save(module, str(path), signatures=tf.function(function, specs or [SPEC]))
    return path


def mean(pixels):
    return tf.reduce_mean(pixels, (1, 2))


class Table(tf.saved_model.experimental.TrackableResource):
    """A resource whose initializer, which runs while loading, writes a file."""

    def __init__(self, target):
        super().__init__()
        self.target = str(target)

    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(
            key_dtype=tf.string, value_dtype=tf.int64, container="", shared_name="t", use_node_name_sharing=False
        )

    @tf.function
    def _initialize(self):
        tf.io.write_file(self.target, "written")
        return tf.constant(0)


def with_table(tmp_path):
    table = Table(tmp_path / "written")
    assert table.resource_handle is not None
    path = saved(tmp_path / "saved", mean, table=table)
    (tmp_path / "written").unlink(missing_ok=True)
    return path


def test_an_initializer_that_writes_is_refused_before_it_runs(tmp_path):
    path = with_table(tmp_path)
    with pytest.raises(InputError, match="uses WriteFile; add --trust to allow it"):
        open_saved_model(path, trust=False)
    assert not (tmp_path / "written").exists()


def test_what_is_refused_would_have_been_written(tmp_path):
    call, _ = open_saved_model(with_table(tmp_path), trust=True)
    np.testing.assert_allclose(call(tf.constant(IMAGES)), IMAGES.mean((1, 2)), atol=1e-6)
    assert (tmp_path / "written").read_text() == "written"


def length(text):
    return tf.cast(tf.strings.length(text), tf.float32)


def reads(pixels):
    return mean(pixels) + length(tf.io.read_file("/etc/hostname"))


def reads_in_a_branch(pixels):
    return tf.cond(tf.reduce_sum(pixels) > 0, lambda: reads(pixels), lambda: mean(pixels))


def prints(pixels):
    tf.print(pixels, output_stream="file:///tmp/printed")
    return mean(pixels)


def saves(pixels):
    tf.raw_ops.SaveV2(prefix="file", tensor_names=["x"], shape_and_slices=[""], tensors=[pixels])
    return mean(pixels)


def restores(pixels):
    (part,) = tf.raw_ops.RestoreV2(prefix="file", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32])
    return mean(pixels) + tf.reshape(part, (-1,))[0]


def lines(pixels):
    return mean(pixels) + tf.data.TextLineDataset("file").reduce(0.0, lambda total, line: total + length(line))


def python(pixels):
    return mean(pixels) + tf.reshape(tf.numpy_function(np.sum, [pixels], tf.float32), ())


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (reads, "ReadFile"),
        (reads_in_a_branch, "ReadFile"),
        (prints, "PrintV2"),
        (saves, "SaveV2"),
        (restores, "RestoreV2"),
        (lines, "TextLineDataset"),
        (python, "PyFunc"),
    ],
)
def test_what_reaches_outside_is_named(tmp_path, function, operation):
    with pytest.raises(InputError, match=rf"uses .*{operation}.*; add --trust to allow it") as caught:
        open_saved_model(saved(tmp_path / "saved", function), trust=False)
    assert "\n" not in str(caught.value)


def test_the_saver_called_by_an_initializer_is_not_the_saver(tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    path = saved(tmp_path / "saved", mean, scale=tf.Variable(1.0))
    file = path / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    (graph,) = model.meta_graphs
    saver = graph.saver_def.save_tensor_name.split(":")[0]
    graph.graph_def.node.add(name="init", op="NoOp", input=[f"^{saver}"])
    file.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="uses MergeV2Checkpoints, SaveV2; add --trust"):
        open_saved_model(path, trust=False)


def test_tables_random_numbers_and_variables_are_ordinary(tmp_path):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0, 1], [1.0, 2.0]), 0.0)
    scale = tf.Variable(3.0)

    def call(pixels):
        noise = tf.random.uniform(()) * 0.0
        total = tf.while_loop(lambda i, _: i < 2, lambda i, t: (i + 1, t + 1.0), (0, 0.0))[1]
        return mean(pixels) * scale + table.lookup(tf.constant([1, 0, 5])) + noise + total

    found, shape = open_saved_model(saved(tmp_path / "saved", call, table=table, scale=scale), trust=False)
    assert shape == (None, *SIZE)
    np.testing.assert_allclose(found(tf.constant(IMAGES)), IMAGES.mean((1, 2)) * 3 + [4, 3, 2], atol=1e-5)


def test_what_keras_saves_and_exports_is_ordinary(tmp_path):
    model = small()
    model.save(tmp_path / "saved", save_format="tf")
    model.export(str(tmp_path / "exported"))
    for name in ("saved", "exported"):
        call, _ = open_saved_model(tmp_path / name, trust=False)
        np.testing.assert_allclose(call(tf.constant(IMAGES)), model(IMAGES), atol=1e-6)


OTHER = tf.TensorSpec((None, 4), tf.float32, name="other")


@pytest.mark.parametrize(
    ("function", "specs", "words"),
    [
        pytest.param(lambda pixels, other: mean(pixels), (SPEC, OTHER), "it has 2 and 1", id="two inputs"),
        pytest.param(lambda pixels: (mean(pixels), pixels), (SPEC,), "it has 1 and 2", id="two outputs"),
        pytest.param(
            lambda pixels: mean(tf.cast(pixels, tf.float32)),
            (tf.TensorSpec((None, *SIZE), tf.uint8, name="pixels"),),
            "its input must be float32, got uint8",
            id="bytes",
        ),
        pytest.param(tf.nn.relu, (tf.TensorSpec(None, tf.float32, name="features"),), "an open shape", id="any shape"),
    ],
)
def test_a_signature_that_does_not_fit_is_one_line(tmp_path, function, specs, words):
    with pytest.raises(InputError, match=words) as caught:
        open_saved_model(saved(tmp_path / "saved", lambda *a: function(*a), *specs), trust=False)
    assert "\n" not in str(caught.value)
