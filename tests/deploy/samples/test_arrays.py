"""Samples by input name from an .npz file."""

import numpy as np
import pytest

from edge.deploy.samples import CALIBRATION, open_samples
from edge.errors import FileError, InputError
from tests.deploy.samples.network_info import GREY, everything, image, network, tensor

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (4, 5, 7, 3), np.uint8)


def rows(tmp_path, wanted, choice=everything, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    samples = open_samples(tmp_path / "data.npz", wanted, CALIBRATION, choice)
    return list(samples.read()), samples


def test_every_input_has_its_array(tmp_path):
    x, tokens = RNG.normal(size=(4, 2, 3)), RNG.integers(0, 9, (4, 6))
    wanted = network(tensor((2, 3)), tensor((6,), "int32", "tokens"), image((5, 7, 3)), task="raw", role="tensor")
    found, samples = rows(tmp_path, wanted, x=x, tokens=tokens, image=PICTURES)
    assert samples.ids == tuple(f"data.npz[{n}]" for n in range(4))
    for number, sample in enumerate(found):
        np.testing.assert_array_equal(sample.inputs["x"], x[number : number + 1].astype(np.float32))
        np.testing.assert_array_equal(sample.inputs["tokens"], tokens[number : number + 1])
        np.testing.assert_array_equal(sample.inputs["image"][0], PICTURES[number])
        assert [sample.inputs[name].dtype.name for name in ("x", "tokens")] == ["float32", "int32"]
        assert (sample.truth, sample.placement) == (None, None)


@pytest.mark.parametrize("name", ["images", "image"])
def test_pictures_of_any_size_for_a_network_of_one(tmp_path, name):
    found, _ = rows(tmp_path, network(image((10, 14, 1), GREY)), **{name: PICTURES}, labels=np.array([2, 0, 1, 1]))
    assert [sample.truth for sample in found] == [2, 0, 1, 1]
    assert found[0].placement.frame == (7, 5)
    assert found[0].inputs["image"].shape == (1, 10, 14, 1)


def test_real_values_of_an_image_are_taken_as_they_are(tmp_path):
    values = RNG.normal(size=(3, 5, 7, 3)).astype(np.float32)
    found, _ = rows(tmp_path, network(image((5, 7, 3))), image=values)
    np.testing.assert_array_equal(np.concatenate([sample.inputs["image"] for sample in found]), values)


def test_a_choice_sees_the_labels(tmp_path):
    labels = np.array([1, 1, 0, 1])
    x = RNG.normal(size=(4, 2))
    found, _ = rows(tmp_path, network(tensor((2,))), lambda classes: np.flatnonzero(classes == 0), x=x, labels=labels)
    assert [(sample.id, sample.truth) for sample in found] == [("data.npz[2]", 0)]


@pytest.mark.parametrize(
    ("task", "role", "shape", "truths"),
    [
        pytest.param("regress", "value", (1, 2), RNG.normal(size=(4, 2)), id="quantities"),
        pytest.param("segment", "mask", (1, 5, 7, 2), RNG.integers(0, 2, (4, 5, 7)), id="masks"),
        pytest.param("keypoints", "heatmaps", (1, 2, 2, 3), RNG.normal(size=(4, 3, 2)), id="keypoints"),
    ],
)
def test_an_array_called_as_the_output_holds_the_truths(tmp_path, task, role, shape, truths):
    wanted = network(image((5, 7, 3)), task=task, role=role, shape=shape)
    found, _ = rows(tmp_path, wanted, images=PICTURES, out=truths)
    for sample, truth in zip(found, truths, strict=True):
        np.testing.assert_array_equal(sample.truth, truth)


def test_true_pictures_are_rgb_as_all_pictures_of_a_file(tmp_path):
    wanted = network(image((5, 7, 3)), task="image", role="image", shape=(1, 5, 7, 3))
    found, _ = rows(tmp_path, wanted, images=PICTURES, out=PICTURES)
    np.testing.assert_array_equal(found[0].truth, PICTURES[0][..., ::-1])  # the task compares BGR


def test_independent_classes_have_a_row_of_labels(tmp_path):
    labels = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    found, _ = rows(tmp_path, network(tensor((2,))), x=RNG.normal(size=(4, 2)), labels=labels)
    np.testing.assert_array_equal([sample.truth for sample in found], labels)


def test_clips_are_frames_of_pixels(tmp_path):
    frames = RNG.integers(0, 256, (2, 3, 4, 4, 3), np.uint8)
    found, _ = rows(tmp_path, network(image((3, 4, 4, 3))), image=frames)
    np.testing.assert_array_equal(found[1].inputs["image"][0], frames[1])


X = {"x": RNG.normal(size=(4, 2))}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        pytest.param({"y": X["x"]}, "must have an array for each input: x; x is missing, it has y", id="another name"),
        pytest.param({"x": X["x"][:, :1]}, r"x must be \(n, 2\) real values, got \(4, 1\) float64", id="shape"),
        pytest.param({"x": X["x"].astype(str)}, "must be", id="text"),
        pytest.param({"x": X["x"][:0]}, "as many samples each, at least one", id="nothing"),
        pytest.param({**X, "labels": np.zeros(3, int)}, r"a row for each of 4 samples, got \(3,\) int64", id="count"),
        pytest.param({**X, "labels": np.int64(1)}, r"a row for each of 4 samples, got \(\) int64", id="one for all"),
        pytest.param({**X, "labels": np.full(4, 3)}, r"labels must be \(4,\) numbers from 0 to 2.*3 to 3", id="class"),
        pytest.param({**X, "labels": np.full(4, "a")}, r"must be finite numbers, .*, got \(4,\) <U1", id="words"),
        pytest.param({**X, "labels": np.full(4, 1.7)}, r"labels must be whole numbers, got 1\.7", id="fractions"),
        pytest.param(
            {**X, "labels": np.array([0, 1, np.nan, 1])}, "finite numbers, .*, got NaN or inf", id="no number"
        ),
        pytest.param({**X, "labels": np.zeros((3, 3))}, r"of 4 samples, got \(3, 3\)", id="too few rows of classes"),
        pytest.param({**X, "labels": np.zeros((8, 3))}, r"of 4 samples, got \(8, 3\)", id="too many rows of classes"),
        pytest.param({**X, "labels": np.full((4, 3), 0.6)}, "whole numbers, got 0.6", id="soft labels"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, arrays, words):
    with pytest.raises(InputError, match=words) as caught:
        rows(tmp_path, network(tensor((2,))), **arrays)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "truths", [np.float32(3), np.full((4, 2), np.nan), np.full((4, 2), "a")], ids=["one for all", "no number", "words"]
)
def test_truths_are_finite_numbers(tmp_path, truths):
    wanted = network(tensor((2,)), task="regress", role="value")
    name = wanted.signature.outputs[0].name
    with pytest.raises(InputError, match="its truths must be finite numbers, a row for each of 4 samples, got"):
        rows(tmp_path, wanted, **X, **{name: truths})


def test_arrays_of_different_lengths_are_refused(tmp_path):
    wanted = network(tensor((2,)), tensor((3,), name="y"), task="raw", role="tensor")
    with pytest.raises(InputError, match="as many samples each, at least one, got"):
        rows(tmp_path, wanted, x=np.zeros((4, 2)), y=np.zeros((3, 3)))


def test_tokens_are_whole_numbers(tmp_path):
    with pytest.raises(InputError, match="tokens must be whole numbers, got float64"):
        rows(tmp_path, network(tensor((6,), "int32", "tokens")), tokens=np.zeros((4, 6)))


def from_npy(tmp_path, wanted, array):
    np.save(tmp_path / "data.npy", array)
    return list(open_samples(tmp_path / "data.npy", wanted, CALIBRATION, everything).read())


def test_one_array_is_enough_for_one_input(tmp_path):
    found = from_npy(tmp_path, network(tensor((2,))), X["x"])
    assert [sample.id for sample in found] == [f"data.npy[{row}]" for row in range(4)]
    np.testing.assert_array_equal([sample.inputs["x"][0] for sample in found], X["x"].astype(np.float32))
    pictures = from_npy(tmp_path, network(image((10, 14, 3))), PICTURES)
    assert pictures[0].inputs["image"].shape == (1, 10, 14, 3)
    assert {sample.truth for sample in (*found, *pictures)} == {None}


def test_one_array_is_too_few_for_two_inputs(tmp_path):
    wanted = network(tensor((2,)), tensor((3,), name="y"), task="raw", role="tensor")
    with pytest.raises(InputError, match=r"holds one array, and the network takes x .*, y .*: give an \.npz file"):
        from_npy(tmp_path, wanted, X["x"])


@pytest.mark.parametrize("content", [b"garbage", b"", b"PK\x03\x04"])
def test_a_damaged_array_is_one_line(tmp_path, content):
    (tmp_path / "data.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"must be an \.npy file of an array, without pickles; it is damaged or none"):
        open_samples(tmp_path / "data.npy", network(tensor((2,))), CALIBRATION, everything)


def test_an_array_of_another_shape_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"x must be \(n, 2\) real values, got \(4, 1\)"):
        from_npy(tmp_path, network(tensor((2,))), X["x"][:, :1])
    with pytest.raises(InputError, match="must be"):
        from_npy(tmp_path, network(tensor((2,))), np.float32(3))


def test_a_pickle_is_never_loaded(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([{}], object))
    with pytest.raises(InputError, match="without pickles"):
        open_samples(tmp_path / "data.npz", network(tensor((2,))), CALIBRATION, everything)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        open_samples(tmp_path / "none.npz", network(tensor((2,))), CALIBRATION, everything)
