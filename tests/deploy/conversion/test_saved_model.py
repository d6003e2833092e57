"""What a SavedModel may do while it is loaded, which of its functions is meant, and its batch."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.saved_model import open_saved_model
from edge.errors import FileError, InputError
from tests.deploy.keras_files import SIZE, run_frozen, small

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


def run(found):
    """Return the only output of a function that takes the images."""
    (output,) = found.call({next(iter(found.inputs)): tf.constant(IMAGES)}).values()
    return output


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
    found = open_saved_model(with_table(tmp_path), trust=True)
    np.testing.assert_allclose(run(found), IMAGES.mean((1, 2)), atol=1e-6)
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

    found = open_saved_model(saved(tmp_path / "saved", call, table=table, scale=scale), trust=False)
    assert {name: tuple(spec.shape) for name, spec in found.inputs.items()} == {"pixels": (None, *SIZE)}
    np.testing.assert_allclose(run(found), IMAGES.mean((1, 2)) * 3 + [4, 3, 2], atol=1e-5)


def test_what_keras_saves_and_exports_is_ordinary(tmp_path):
    model = small()
    model.save(tmp_path / "saved", save_format="tf")
    model.export(str(tmp_path / "exported"))
    for name in ("saved", "exported"):
        found = open_saved_model(tmp_path / name, trust=False)
        np.testing.assert_allclose(run(found), model(IMAGES), atol=1e-6)


OTHER = tf.TensorSpec((None, 4), tf.float32, name="other")


def both(pixels, other):
    return {"sum": tf.reduce_sum(pixels, (1, 2, 3)), "twice": 2 * other}


def test_several_inputs_and_outputs_have_their_names(tmp_path):
    found = open_saved_model(saved(tmp_path / "saved", both, SPEC, OTHER), trust=False)
    assert {name: tuple(spec.shape) for name, spec in found.inputs.items()} == {
        "other": (None, 4), "pixels": (None, *SIZE)
    }  # fmt: skip
    other = np.arange(20, dtype=np.float32).reshape(5, 4)
    outputs = found.call({"pixels": tf.constant(IMAGES), "other": tf.constant(other)})
    np.testing.assert_allclose(outputs["sum"], IMAGES.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(outputs["twice"], 2 * other)
    frozen = found.freeze()
    assert [(s.name, s.shape) for s in frozen.input_specs] == [("other", (1, 4)), ("pixels", (1, *SIZE))]
    assert [(s.name, s.shape) for s in frozen.output_specs] == [("sum", (1,)), ("twice", (1, 4))]


def of_two_signatures(path):
    module = tf.Module()
    module.first = tf.function(mean, [SPEC])
    module.second = tf.function(lambda other: other * 3, [OTHER])
    tf.saved_model.save(module, str(path), signatures={"means": module.first, "thrice": module.second})
    return path


def test_a_signature_is_chosen_by_its_name(tmp_path):
    found = open_saved_model(of_two_signatures(tmp_path / "saved"), trust=False, signature="thrice")
    (output,) = found.call({"other": tf.ones((1, 4))}).values()
    np.testing.assert_array_equal(output, np.full((1, 4), 3, np.float32))


@pytest.mark.parametrize("signature", [None, "twice"])
def test_of_several_signatures_one_has_to_be_meant(tmp_path, signature):
    with pytest.raises(InputError, match="give --signature, one of means, thrice; got"):
        open_saved_model(of_two_signatures(tmp_path / "saved"), trust=False, signature=signature)


def test_without_signatures_the_only_function_is_meant(tmp_path):
    module = tf.Module()
    module.__call__ = tf.function(lambda pixels, training=False: mean(pixels), [SPEC])
    tf.saved_model.save(module, str(tmp_path / "saved"))
    found = open_saved_model(tmp_path / "saved", trust=False)
    assert list(found.inputs) == ["pixels"]
    np.testing.assert_allclose(run(found), IMAGES.mean((1, 2)), atol=1e-6)


def network_for_a_batch(batch, reshape):
    """Return a function with two inputs that was traced for ``batch`` samples, and the numpy that it stands for."""
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(2 * 8 * 8 * 3, 3)).astype(np.float32)

    def call(pixels, other):
        flat = reshape(tf.concat([pixels, -pixels], -1))
        return {"logits": flat @ kernel, "both": tf.concat([flat[:, :2], other], 1)}

    specs = (tf.TensorSpec((batch, *SIZE), name="pixels"), tf.TensorSpec((batch, 4), name="other"))
    return call, specs, kernel


@pytest.mark.parametrize(
    "reshape",
    [
        pytest.param(lambda x: tf.reshape(x, (-1, 384)), id="open"),
        pytest.param(lambda x: tf.reshape(x, (8, 384)), id="written out"),
        pytest.param(lambda x: tf.reshape(x, (tf.shape(x)[0], 384)), id="computed"),
    ],
)
def test_a_batch_that_was_saved_becomes_one(tmp_path, reshape):
    call, specs, kernel = network_for_a_batch(8, reshape)
    found = open_saved_model(saved(tmp_path / "saved", call, *specs), trust=False)
    assert found.batch == 8
    frozen = found.freeze()
    assert [(s.name, s.shape) for s in frozen.input_specs] == [("other", (1, 4)), ("pixels", (1, *SIZE))]
    rng = np.random.default_rng(2)
    image, other = (rng.normal(size=size).astype(np.float32) for size in ((1, *SIZE), (1, 4)))
    flat = np.concatenate([image, -image], -1).reshape(1, -1)
    both, logits = run_frozen(frozen, other, image)
    np.testing.assert_allclose(logits, flat @ kernel, rtol=1e-4)
    np.testing.assert_allclose(both, np.concatenate([flat[:, :2], other], 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("reshape", "words"),
    [
        pytest.param(lambda x: tf.reshape(x, (-1, 384)) - tf.reduce_max(x), "mixes the samples", id="of all"),
        pytest.param(lambda x: tf.transpose(tf.reshape(tf.transpose(x, (1, 2, 3, 0)), (384, 8))), "single", id="moved"),
    ],
)
def test_a_batch_that_cannot_become_one_is_refused(tmp_path, reshape, words):
    call, specs, _ = network_for_a_batch(8, reshape)
    found = open_saved_model(saved(tmp_path / "saved", call, *specs), trust=False)
    with pytest.raises(InputError, match=f"built for a batch of 8 and cannot be made one .*{words}") as caught:
        found.freeze()
    assert "\n" not in str(caught.value)


def test_batches_that_differ_are_refused(tmp_path):
    specs = (tf.TensorSpec((2, *SIZE), name="pixels"), tf.TensorSpec((3, 4), name="other"))
    with pytest.raises(InputError, match="its inputs must have one batch"):
        open_saved_model(saved(tmp_path / "saved", both, *specs), trust=False)


def test_an_open_shape_is_refused(tmp_path):
    path = saved(tmp_path / "saved", tf.nn.relu, tf.TensorSpec(None, tf.float32, name="features"))
    with pytest.raises(InputError, match="fixed size to be converted"):
        open_saved_model(path, trust=False).freeze()


def test_bytes_are_an_input_as_any_other(tmp_path):
    spec = tf.TensorSpec((None, *SIZE), tf.uint8, name="pixels")
    path = saved(tmp_path / "saved", lambda pixels: mean(tf.cast(pixels, tf.float32)), spec)
    (found,) = open_saved_model(path, trust=False).freeze().input_specs
    assert (found.name, found.dtype.name) == ("pixels", "uint8")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


@pytest.mark.parametrize(
    ("part", "content", "words"),
    [
        pytest.param("saved_model.pb", POINTER, "saved_model.pb is a Git LFS pointer", id="pointer for the graph"),
        pytest.param("variables/*.data*", POINTER, "is a Git LFS pointer", id="pointer for the weights"),
        pytest.param("variables/*.data*", b"1234", "cannot be read: Read less bytes", id="weights cut short"),
    ],
)
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, part, content, words):
    path = tmp_path / "saved"
    tf.saved_model.save(small(), str(path))
    (file,) = path.glob(part)
    file.write_bytes(content)
    with pytest.raises(FileError, match=words):
        open_saved_model(path, trust=False)
