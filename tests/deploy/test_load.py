import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from edge.deploy.load import load_keras
from edge.errors import FileError, InputError
from tests.deploy.keras_files import SIZE, keras3_file, saved, small, with_lambda

IMAGES = np.random.default_rng(0).normal(size=(2, *SIZE)).astype(np.float32)
both = pytest.mark.parametrize("suffix", [".keras", ".h5"])


@both
def test_a_model_comes_back(tmp_path, suffix):
    model = small()
    loaded = load_keras(saved(model, tmp_path / f"net{suffix}"))
    assert loaded.name == "small"
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


@pytest.mark.slow
def test_a_keras_3_file_comes_back(tmp_path):
    loaded = load_keras(keras3_file(tmp_path / "net.keras"))
    out = np.asarray(loaded(IMAGES))
    assert out.shape == (2, 3)
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-6)


@both
def test_code_in_the_file_is_refused_without_trust(tmp_path, suffix):
    model = with_lambda()
    path = saved(model, tmp_path / f"net{suffix}")
    with pytest.raises(InputError, match="has a Lambda layer, which runs code from the file; add --trust"):
        load_keras(path)
    np.testing.assert_array_equal(load_keras(path, trust=True)(IMAGES), model(IMAGES))


@both
def test_code_deep_in_the_file_is_refused(tmp_path, suffix):
    import tf_keras as keras

    inner = keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: x + 1.0))
    path = saved(keras.Sequential([keras.Input((4, 3)), inner]), tmp_path / f"net{suffix}")
    with pytest.raises(InputError, match="Lambda layer"):
        load_keras(path)


def write_network(path, layers, outputs="w"):
    """Write a Functional network, as its JSON says it, without weights. layers: what follows the input ``x``."""
    entry = {"batch_input_shape": [None, *SIZE], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    entry = {"module": "keras.layers", "class_name": "InputLayer", "config": entry, "name": "x", "inbound_nodes": []}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[outputs, 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": [entry, *layers], **ends}}
    weights = io.BytesIO()
    with h5py.File(path if path.suffix == ".h5" else weights, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_group("layers")
        file.create_group("model_weights").attrs["layer_names"] = []
    if path.suffix == ".keras":
        config |= {"module": "tf_keras.src.engine.functional", "registered_name": "Functional"}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0"}))
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("model.weights.h5", weights.getvalue())
    return path


def layer(kind, config, nodes, **more):
    config = {"name": "w", "trainable": True, "dtype": "float32", **config}
    return {"class_name": kind, "config": config, "name": "w", "inbound_nodes": nodes, **more}


OP = {"module": "tf_keras.src.layers.core.tf_op_layer", "registered_name": "TFOpLambda"}


def writing(target, constant):
    """A layer that writes ``target`` when Keras calls it: with its path as a constant, or as an argument."""
    if constant:
        nodes = [["_CONSTANT_VALUE", -1, str(target), {"contents": "written"}]]
    else:
        nodes = [["x", 0, 0, {"filename": str(target), "contents": "written"}]]
    return layer("TFOpLambda", {"function": "io.write_file"}, nodes, **OP)


@both
@pytest.mark.parametrize("constant", [True, False])
def test_a_file_that_writes_files_is_refused_before_it_is_built(tmp_path, suffix, constant):
    path = write_network(tmp_path / f"net{suffix}", [writing(tmp_path / "written", constant)])
    with pytest.raises(InputError, match=r"layer 'w' uses .*(io\.write_file|written).*; add --trust") as caught:
        load_keras(path)
    assert not (tmp_path / "written").exists()
    assert "\n" not in str(caught.value)


@both
def test_what_is_refused_would_have_been_written(tmp_path, suffix):
    path = write_network(tmp_path / f"net{suffix}", [writing(tmp_path / "written", constant=True)])
    with pytest.raises(InputError, match="cannot be loaded"):
        load_keras(path, trust=True)
    assert (tmp_path / "written").read_text() == "written"


NODES = [["x", 0, 0, {}]]
MARSHALLED = {"module": "wrapped", "function_type": "lambda", "function": ["4wAAAA==", None, None]}
TEXT = [["_CONSTANT_VALUE", -1, "touch file", {}]]


def activation(module, function):
    named = {"module": module, "class_name": "function", "config": function, "registered_name": function}
    return layer("Activation", {"activation": named}, NODES)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        pytest.param(layer("TFOpLambda", {"function": "py_function"}, NODES), "layer 'w' uses py_function", id="op"),
        pytest.param(layer("TFOpLambda", {"function": "raw_ops.WriteFile"}, NODES), "raw_ops.WriteFile", id="raw op"),
        pytest.param(layer("TFOpLambda", {"function": "keras.utils.get_file"}, NODES), "get_file", id="Keras' own"),
        pytest.param(layer("SlicingOpLambda", {"function": "io.read_file"}, NODES), "io.read_file", id="slicing"),
        pytest.param(layer("TFOpLambda", {"function": "identity"}, TEXT), "the constant 'touch file'", id="text"),
        pytest.param(layer("Activation", {"activation": "relu"}, TEXT), "the constant 'touch file'", id="plain layer"),
        pytest.param(
            layer("ClassMethod", {"cls_symbol": "io.gfile.GFile", "method_name": "read"}, NODES),
            "uses ClassMethod io.gfile.GFile.read",
            id="class method",
        ),
        pytest.param(layer("InstanceMethod", {"attr_name": "eval"}, NODES), "InstanceMethod eval", id="method"),
        pytest.param(layer("TensorFlowOpLayer", {"node_def": "{}"}, NODES), "TensorFlowOpLayer", id="node"),
        pytest.param(activation("os", "system"), "layer 'w' uses os.system", id="module"),
        pytest.param(activation("tf_keras.utils", "get_file"), "tf_keras.utils.get_file", id="Keras' tools"),
        pytest.param(activation("tf_keras.activations", "os.system"), "activations.os.system", id="dotted"),
        pytest.param(layer("Popen", {}, NODES, module="subprocess"), "subprocess.Popen", id="class"),
        pytest.param(layer("os.Popen", {}, NODES, module="tf_keras.layers"), "tf_keras.layers.os.Popen", id="inside"),
        pytest.param(layer("ResidualWrapper", MARSHALLED, NODES), "Lambda layer", id="marshalled"),
    ],
)
def test_what_could_do_more_than_compute_is_named(tmp_path, refused, words):
    with pytest.raises(InputError, match=words) as caught:
        load_keras(write_network(tmp_path / "net.h5", [refused]))
    assert "--trust" in str(caught.value)


@both
def test_functions_of_tensors_come_back(tmp_path, suffix):
    import tensorflow as tf
    import tf_keras as keras

    x = keras.Input(SIZE)
    first, *_ = tf.split(2.0 * x - 1.0, 3, axis=-1)
    y = tf.concat([first, 1 / (3.0 + tf.abs(x))], -1)[:, ::2]
    y = tf.transpose(tf.reshape(y, (-1, 4, 8, 2, 2)), (0, 1, 2, 4, 3))
    y = tf.reduce_mean(tf.nn.relu6(tf.pad(y, [[0, 0], [1, 1], [0, 0], [0, 0], [0, 0]])), (1, 2))
    model = keras.Model(x, keras.layers.Flatten()(tf.where(y > 0.5, y, tf.cast(tf.shape(y)[1], y.dtype))))
    loaded = load_keras(saved(model, tmp_path / f"net{suffix}"))
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


def test_a_quantization_aware_file_comes_back(tmp_path):
    from edge.deploy.compress import qat

    model = qat.quantize_aware(small(), [IMAGES])
    loaded = load_keras(saved(model, tmp_path / "net.h5"))
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


@pytest.mark.parametrize("trust", [True, False])
@both
def test_nesting_without_end_is_one_line(tmp_path, suffix, trust):
    path, deep = tmp_path / f"net{suffix}", "[" * 60000 + "]" * 60000
    if suffix == ".h5":
        with h5py.File(path, "w") as file:  # an attribute holds 64 KiB
            file.attrs["model_config"] = deep[30000:90000]
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", deep)
            archive.writestr("metadata.json", "{}")
    with pytest.raises((FileError, InputError), match=r"net\.") as caught:
        load_keras(path, trust)
    assert "\n" not in str(caught.value)


def test_a_keras_file_that_is_no_zip_is_a_file_error_when_trusted_too(tmp_path):
    (tmp_path / "net.keras").write_text("x")
    with pytest.raises(FileError, match="not a readable Keras file"):
        load_keras(tmp_path / "net.keras", trust=True)


def _half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(path):
    path.write_text("not a model\n" * 30)


def _empty(path):
    path.write_bytes(b"")


@both
@pytest.mark.parametrize("spoil", [_half, _text, _empty])
def test_a_damaged_file_is_one_line(tmp_path, suffix, spoil):
    path = saved(small(), tmp_path / f"net{suffix}")
    spoil(path)
    with pytest.raises(FileError, match="not a readable Keras file") as caught:
        load_keras(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_zip_without_a_model_is_a_file_error(tmp_path):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(FileError, match="not a readable Keras file"):
        load_keras(path)


def test_a_zip_whose_description_is_no_json_is_a_file_error(tmp_path):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
    with pytest.raises(FileError, match="not a readable Keras file"):
        load_keras(path)


@pytest.mark.parametrize("name", ["net.weights.h5", "net.hdf5", "net.keras"])
def test_a_file_of_weights_only_says_so(tmp_path, name):
    written = tmp_path / "written.h5"
    small().save_weights(written)
    path = written.rename(tmp_path / name)
    with pytest.raises(InputError, match=r"holds weights only, without the network: .* package\.module:function"):
        load_keras(path)


@pytest.mark.parametrize(("written", "name"), [(".h5", "net.keras"), (".keras", "net.h5"), (".h5", "net.hdf5")])
def test_the_content_decides_and_not_the_suffix(tmp_path, written, name):
    model = small()
    path = saved(model, tmp_path / f"written{written}").rename(tmp_path / name)
    np.testing.assert_array_equal(load_keras(path)(IMAGES), model(IMAGES))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside Keras 3, with numpy 2
def test_an_h5_file_of_keras_3_comes_back(tmp_path):
    import keras

    layers = [keras.Input(SIZE), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential(layers)
    model.save(tmp_path / "net.h5")
    np.testing.assert_allclose(load_keras(tmp_path / "net.h5")(IMAGES), model(IMAGES), atol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_git_lfs_pointer_is_named(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n")
    with pytest.raises(FileError, match="is a Git LFS pointer and not the file itself; get the file with: git lfs p"):
        load_keras(path)


@both
def test_pruning_wrappers_are_taken_off(tmp_path, suffix):
    import tensorflow_model_optimization as tfmot

    model = small()
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(model)
    loaded = load_keras(saved(wrapped, tmp_path / f"net{suffix}"))
    assert [type(layer).__name__ for layer in loaded.layers] == [type(layer).__name__ for layer in model.layers]
    np.testing.assert_allclose(loaded(IMAGES), model(IMAGES), atol=1e-6)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_network_of_mixed_precision_comes_back_in_float32(tmp_path, library, policy):
    keras = pytest.importorskip(library)
    keras.mixed_precision.set_global_policy(policy)
    try:
        layers = [keras.Input(SIZE), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
        model = keras.Sequential([*layers, keras.layers.Dense(3)])
        path = saved(model, tmp_path / "net.keras")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    loaded = load_keras(path)
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert np.asarray(loaded(IMAGES)).dtype == np.float32
    # Half precision keeps 8 (bfloat16) or 11 bits of a number.
    np.testing.assert_allclose(loaded(IMAGES), np.asarray(model(IMAGES), np.float32), rtol=0.05, atol=0.05)


def test_an_unknown_layer_of_keras_3_is_named(tmp_path):
    import keras

    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    keras.Sequential([keras.Input(SIZE), Scale()]).save(tmp_path / "net.keras")
    with pytest.raises(InputError, match=r"needs tests\..*\.Scale, which is not part of Keras: .*:function; --trust"):
        load_keras(tmp_path / "net.keras")


def test_code_of_another_python_is_named(tmp_path):
    path = saved(with_lambda(), tmp_path / "net.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for one in config["config"]["layers"]:
            if one["class_name"] == "Lambda":
                one["config"]["function"] = ["4wEAAAA=", None, None]
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(InputError, match=r"whose code another Python than 3\.\d+ wrote; convert with that Python"):
        load_keras(path, trust=True)


def test_an_unknown_layer_is_named(tmp_path):
    path = saved(small(), tmp_path / "net.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace("GlobalAveragePooling2D", "MagicPooling")
    with pytest.raises(InputError, match="MagicPooling"):
        load_keras(path)


def test_missing_and_other_files_are_refused(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        load_keras(tmp_path / "none.keras")
    (tmp_path / "net.pt").touch()
    with pytest.raises(InputError, match=r"a \.keras, \.h5, \.hdf5 file, got net\.pt"):
        load_keras(tmp_path / "net.pt")
