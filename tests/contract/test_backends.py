"""What every backend promises, run against each one in the table.

A new backend adds its row to ``edge.backends.BACKENDS`` and its files to ``FILES`` below; nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edge import backends
from edge.backends.base import Backend, OpenOptions
from edge.errors import EdgeError, FileError, InputError
from edge.isolated import Isolated, IsolationOptions
from edge.tensors import Array, TensorSpec
from tests.backends import models
from tests.edgetpu import library

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Case:
    """A file, its declared border, and what it must compute: within ``atol`` of the real values ``expected``.

    make: writes the file to a folder. arrays: float32 or quantized, from a random generator.
    """

    name: str
    make: Callable[[Path], Path]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    expected: Callable[..., list[Array]]
    atol: float


def _spec(name, shape, dtype=FLOAT, quantization=None):
    return TensorSpec(name, shape, np.dtype(dtype), quantization)


def _int8_real(image):
    """Return the int8 convolution before rounding: runtimes differ in how they break a tie, by design."""
    sums = models.convolve(image.astype(np.int64) - models.IMAGE_QUANTIZATION.zero_point, models.WEIGHTS, models.BIAS)
    return [np.clip(sums / 16 + models.FEATURES_QUANTIZATION.zero_point, -128, 127)]


def _nchw(image):
    return [models.float_features(image.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)]


_PAIR = tuple(_spec(name, (1, 3)) for name in ("a", "b"))
_SUM = tuple(_spec(name, (1, 3)) for name in ("sum", "difference"))
_QUANTIZED = (
    (_spec("image", models.IMAGE, np.int8, models.IMAGE_QUANTIZATION),),
    (_spec("features", models.FEATURES, np.int8, models.FEATURES_QUANTIZATION),),
)
_FLOAT_CONV = (_spec("image", models.IMAGE),), (_spec("features", models.FEATURES),)
_NCHW_CONV = (_spec("image", (1, 3, 4, 5)),), (_spec("features", (1, 2, 2, 3)),)


def _added(a, b):
    return [a + b, a - b]


def _bands(image):
    return [np.array([[rows.mean() for rows in image[0].astype(np.float64)]])]


# float32: sums of 27 products up to 20, summed in another order. int8: rounding to nearest is within half a
# step; the fixed-point kernels of older runtimes round twice (0.5625 off in tflite_runtime 2.14), so one step.
_TFLITE = [
    Case(
        "float32",
        lambda d: models.tflite_conv(d / "f.tflite"),
        *_FLOAT_CONV,
        lambda x: [models.float_features(x)],
        1e-4,
    ),
    Case("int8", lambda d: models.tflite_conv(d / "q.tflite", int8=True), *_QUANTIZED, _int8_real, 1.0),
    Case(
        "open batch",
        lambda d: models.tflite_conv(d / "b.tflite", signature=(-1, *models.IMAGE[1:])),
        *_FLOAT_CONV,
        lambda x: [models.float_features(x)],
        1e-4,
    ),
    Case("two inputs", lambda d: models.tflite_pair(d / "p.tflite"), _PAIR, _SUM, _added, 1e-6),
]
_ONNX = [
    Case("float32", lambda d: models.onnx_conv(d / "f.onnx"), *_NCHW_CONV, _nchw, 1e-4),
    Case(
        "open batch",
        lambda d: models.onnx_conv(d / "b.onnx", ("batch", 3, 4, 5), ("batch", 2, 2, 3)),
        *_NCHW_CONV,
        _nchw,
        1e-4,
    ),
    Case(
        "open output",
        lambda d: models.onnx_conv(d / "o.onnx", ("batch", 3, 4, 5), ("batch", 2, "height", "width")),
        *_NCHW_CONV,
        _nchw,
        1e-4,
    ),
    Case("two inputs", lambda d: models.onnx_pair(d / "p.onnx"), _PAIR, _SUM, _added, 1e-6),
]
_FAKE = [
    Case(
        "bands",
        lambda d: models.fake(d / "b.fake"),
        (_spec("image", models.IMAGE, np.uint8),),
        (_spec("bands", (1, 4)),),
        _bands,
        1e-4,
    ),
]
_EDGETPU = [
    Case(
        "two inputs",
        lambda d: models.tflite_pair(d / "p_edgetpu.tflite", models.COMPILED, b"sum"),
        _PAIR,
        _SUM,
        _added,
        1e-6,
    ),
    Case(
        "int8",
        lambda d: models.tflite_not(d / "n_edgetpu.tflite"),
        (_spec("image", models.IMAGE, np.int8, models.IMAGE_QUANTIZATION),),
        (_spec("inverted", models.IMAGE, np.int8, models.IMAGE_QUANTIZATION),),
        lambda image: [~image],
        0,
    ),
]
FILES: dict[str, list[Case]] = {
    "litert": _TFLITE,
    "tflite_runtime": _TFLITE,
    "edgetpu": _EDGETPU,
    "onnxruntime": _ONNX,
    "openvino": [*_ONNX, *(replace(case, name=f"{case.name} tflite") for case in _TFLITE if case.name != "int8")],
    "opencv_dnn": _ONNX,
    "fake": _FAKE,
}

ROWS = [pytest.param(name, case, id=f"{name}-{case.name}") for name, cases in FILES.items() for case in cases]
ISOLATED = [pytest.param(f"isolated {name}", FILES[name][0], id=f"isolated-{name}") for name in ("litert",)]


def _installed(name: str) -> Backend:
    """Return a backend, or one that runs it in worker processes, by a name that begins with ``isolated``."""
    if name.startswith("isolated "):
        return Isolated(_installed(name.removeprefix("isolated ")), IsolationOptions(spare=False))
    if missing := backends.BACKENDS[name].missing():
        pytest.skip(f"backend {name} needs {', '.join(missing)}")
    if name in ("onnxruntime", "openvino", "opencv_dnn"):
        pytest.importorskip("onnx", reason="its files are written with onnx")
    return backends.backend(name)


@pytest.fixture(autouse=True)
def edge_tpu(request, tmp_path_factory, monkeypatch):
    """Let a stub take the place of libedgetpu in the rows of its backend."""
    if "edgetpu" in request.node.name:
        library.use(monkeypatch, library.stub(tmp_path_factory))


@pytest.fixture
def backend(request) -> Backend:
    return _installed(request.param)


@pytest.fixture
def opened(request, tmp_path):
    """Yield (case, model, arrays that fit it)."""
    name, case = request.param
    with _installed(name).open(case.make(tmp_path)) as model:
        yield case, model, _arrays(case.inputs)


def _arrays(specs, seed=7):
    draw = np.random.default_rng(seed)
    return [
        draw.normal(size=s.shape).astype(s.dtype)
        if s.dtype.kind == "f"
        else draw.integers(np.iinfo(s.dtype).min, np.iinfo(s.dtype).max, s.shape, s.dtype, endpoint=True)
        for s in specs
    ]


every_backend = pytest.mark.parametrize("backend", list(backends.BACKENDS), indirect=True)
every_file = pytest.mark.parametrize(
    "opened", [pytest.param(r.values, id=r.id) for r in (*ROWS, *ISOLATED)], indirect=True
)


def test_every_row_of_the_table_is_covered():
    assert set(FILES) == set(backends.BACKENDS)
    listed = [*backends.PREFERENCE.values(), *backends.ACCELERATORS.values()]
    assert set().union(*listed) == set(backends.BACKENDS)


@every_backend
def test_says_what_it_is(backend):
    assert backend.name in backends.BACKENDS
    assert any(character.isdigit() for character in backend.version())
    for suffix in backend.formats:
        for target in backend.targets:
            assert backend.name in (backends.ACCELERATORS.get(target) or backends.PREFERENCE[suffix])


@every_file
def test_border_is_what_the_file_declares(opened):
    case, model, _ = opened
    assert model.inputs == case.inputs
    assert model.outputs == case.outputs


@every_file
def test_computes_what_numpy_computes(opened):
    case, model, arrays = opened
    for spec, got, wanted in zip(model.outputs, model.run(arrays), case.expected(*arrays), strict=True):
        assert got.shape == spec.shape
        assert got.dtype == spec.dtype
        np.testing.assert_allclose(got.astype(np.float64), wanted, atol=case.atol, rtol=0)


@every_file
def test_returns_new_arrays_and_leaves_inputs_alone(opened):
    case, model, arrays = opened
    kept_inputs = [array.copy() for array in arrays]
    first = model.run(arrays)
    kept = [array.copy() for array in first]
    model.run(_arrays(case.inputs, seed=8))
    for array, copy in zip([*first, *arrays], [*kept, *kept_inputs], strict=True):
        np.testing.assert_array_equal(array, copy)
    assert all(array.flags.writeable for array in first)


@every_file
def test_same_input_gives_the_same_bytes(opened):
    _, model, arrays = opened
    first, second = model.run(arrays), model.run(arrays)
    assert [a.tobytes() for a in first] == [a.tobytes() for a in second]


@every_file
def test_accepts_read_only_and_strided_arrays(opened):
    case, model, arrays = opened
    expected = model.run(arrays)
    odd = [np.repeat(array, 2, axis=-1)[..., ::2] for array in arrays]
    for array in odd:
        array.flags.writeable = False
    assert not odd[0].flags.c_contiguous
    for got, wanted in zip(model.run(odd), expected, strict=True):
        np.testing.assert_allclose(got.astype(np.float64), wanted.astype(np.float64), atol=case.atol)


@every_file
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda array: array[0], id="no batch"),
        pytest.param(lambda array: np.concatenate([array, array]), id="batch of two"),
        pytest.param(lambda array: array.astype(np.float64), id="wrong dtype"),
        pytest.param(lambda array: array.tolist(), id="a list"),
    ],
)
def test_refuses_what_is_not_the_declared_tensor(opened, spoil):
    _, model, arrays = opened
    arrays[0] = spoil(arrays[0])
    with pytest.raises(InputError, match=r"^tensor .* must be .* got ") as caught:
        model.run(arrays)
    assert model.inputs[0].name in str(caught.value)


@every_file
def test_refuses_a_wrong_count(opened):
    _, model, arrays = opened
    for wrong in ([], [*arrays, arrays[0]]):
        with pytest.raises(InputError, match=f"takes {len(arrays)} input"):
            model.run(wrong)


@every_file
def test_closes_once_and_for_all(opened):
    _, model, arrays = opened
    model.close()
    model.close()
    with pytest.raises(InputError, match="closed"):
        model.run(arrays)


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_threads_change_no_value(name, case, tmp_path):
    path = case.make(tmp_path)
    with _installed(name).open(path, OpenOptions(1)) as one, _installed(name).open(path, OpenOptions(2)) as two:
        arrays = _arrays(case.inputs)
        for a, b in zip(one.run(arrays), two.run(arrays), strict=True):
            np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), atol=case.atol)


@every_backend
def test_missing_file_and_folder_are_file_errors(backend, tmp_path):
    for path, rule in ((tmp_path / f"none{backend.formats[0]}", "does not exist"), (tmp_path, "must be a file")):
        with pytest.raises(FileError, match=rule) as caught:
            backend.open(path, OpenOptions(1))
        assert str(path) in str(caught.value)


BAD = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"hello, this is not a model\n" * 40,
    "zeros": lambda whole: bytes(4096),
    "half": lambda whole: whole[: len(whole) // 2],
    "without its last quarter": lambda whole: whole[: len(whole) * 3 // 4],
}


@every_backend
@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_one_clear_line(backend, spoil, tmp_path, capfd):
    whole = FILES[backend.name][0].make(tmp_path).read_bytes()
    bad = tmp_path / f"bad{backend.formats[0]}"
    bad.write_bytes(spoil(whole))
    with pytest.raises(InputError) as caught:
        backend.open(bad)
    assert "\n" not in str(caught.value)
    assert str(bad) in str(caught.value)
    assert isinstance(caught.value, EdgeError)
    assert capfd.readouterr().err == ""


@every_backend
def test_a_good_file_loads_without_a_word(backend, tmp_path, capfd):
    FILES[backend.name][0].make(tmp_path)
    with backend.open(FILES[backend.name][0].make(tmp_path)):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["litert", "onnxruntime"])
@pytest.mark.parametrize("asked", [{"device": "usb:0"}, {"delegate": Path("libedgetpu.so.1")}])
def test_a_backend_without_devices_refuses_one(name, asked, tmp_path):
    path = FILES[name][0].make(tmp_path)
    with pytest.raises(InputError, match=rf"takes no {next(iter(asked))}, got {next(iter(asked.values()))}"):
        _installed(name).open(path, OpenOptions(**asked))
