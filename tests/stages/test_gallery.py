"""Names of known pictures: by a network whose every answer can be computed by hand, and by a real one."""

import cv2
import jsonschema
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.opening import open_session
from edge.results import Prediction, Result
from edge.session import SessionOptions
from edge.signature import Output
from edge.sinks.overlay import annotated
from edge.sinks.terminal import line
from edge.stages.gallery import Gallery, GalleryOptions
from tests.contract.test_tasks import SCHEMA
from tests.loops import BandsNetwork, fake_model, frame, picture
from tests.shared import needs_shared, shared


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A session whose embedding is the mean brightness of four bands, divided by its length."""
    model = fake_model(tmp_path_factory.mktemp("model"))
    with open_session(model, SessionOptions(task="embed", resize="stretch")) as session:
        yield session


def saved(folder, **pictures):
    """Write pictures by their path without suffix; ``__`` stands for a slash."""
    for name, image in pictures.items():
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image)
    return folder


def named(gallery, network, image):
    found = gallery(frame(), network(image)).predictions
    assert len(found) == 1
    return found[0]


def bands(*levels):
    return np.repeat(np.asarray(levels, np.uint8), 12)[:, None, None] * np.ones((1, 64, 3), np.uint8)


def test_the_nearest_name_is_found_with_its_cosine(network, tmp_path):
    folder = saved(tmp_path, anna=bands(200, 0, 0, 0), bert__one=bands(0, 200, 0, 0), bert__two=bands(0, 0, 200, 0))
    gallery = Gallery(folder, network)
    assert (gallery.names, gallery.pictures) == (("anna", "bert"), 3)
    for levels, label, index, cosine in (
        ((100, 0, 0, 0), "anna", 0, 1.0),
        ((0, 0, 30, 40), "bert", 1, 0.6),
        ((0, 30, 0, 40), "bert", 1, 0.6),
        ((20, 0, 0, 100), "unknown", 2, 20 / np.hypot(20, 100)),
    ):
        found = named(gallery, network, bands(*levels))
        assert (found.label, found.index) == (label, index)
        assert found.score == pytest.approx(cosine, abs=0.01)


def test_pictures_of_a_name_count_by_the_best_or_by_their_mean(network, tmp_path):
    folder = saved(tmp_path, bert__one=bands(0, 200, 0, 0), bert__two=bands(0, 0, 200, 0))
    by = {way: Gallery(folder, network, GalleryOptions(combine=way)) for way in ("best", "mean")}
    assert named(by["best"], network, bands(0, 200, 0, 0)).score == pytest.approx(1, abs=0.01)
    assert named(by["mean"], network, bands(0, 200, 0, 0)).score == pytest.approx(np.sqrt(0.5), abs=0.01)


@pytest.mark.parametrize(("threshold", "label"), [(0.55, "anna"), (0.65, "nobody")])
def test_the_threshold_decides_between_a_name_and_the_unknown(network, tmp_path, threshold, label):
    gallery = Gallery(saved(tmp_path, anna=bands(200, 0, 0, 0)), network, GalleryOptions(threshold, unknown="nobody"))
    assert named(gallery, network, bands(60, 80, 0, 0)).label == label


def test_a_second_network_s_embeddings_are_named_as_well(network, tmp_path):
    gallery = Gallery(saved(tmp_path, anna=picture(0)), network)
    boxed = [Prediction("face", 0.9, 0, (0.0, 0.0, 9.0, 9.0), nested=network(picture(band))) for band in (0, 3)]
    result = gallery(frame(), Result("detect", (*boxed, Prediction("face", 0.5, 0, (0.0, 0.0, 9.0, 9.0)))))
    assert [one.nested and one.nested.predictions[0].label for one in result.predictions] == ["anna", "unknown", None]
    jsonschema.Draft202012Validator(SCHEMA).validate(result.as_json())
    assert result.as_json()["results"][0]["nested"]["results"][0]["label"] == "anna"


def test_a_named_result_is_shown_by_every_sink(network, tmp_path):
    result = Gallery(saved(tmp_path, anna=picture(0)), network)(frame(), network(picture(0)))
    jsonschema.Draft202012Validator(SCHEMA).validate(result.as_json())
    assert result.as_json()["results"] == [{"label": "anna", "index": 0, "score": 1.0}]
    assert "anna 100%" in line(result)
    grey = np.full((240, 320, 3), 128, np.uint8)
    assert (annotated(grey, result)[:20, :60] != 128).mean() > 0.5


def test_a_result_without_an_embedding_stays(network, tmp_path):
    gallery = Gallery(saved(tmp_path, anna=picture(0)), network)
    result = Result("detect", (Prediction("face", 0.9, 0, (0.0, 0.0, 9.0, 9.0)),))
    assert gallery(frame(), result) is result


@pytest.mark.parametrize("vector", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [np.inf, 0, 0, 0]], ids=["zero", "nan", "inf"])
@pytest.mark.parametrize("threshold", [-1, 0, 0.5])
def test_an_embedding_without_a_direction_is_unknown(network, tmp_path, vector, threshold):
    gallery = Gallery(saved(tmp_path, anna=picture(0)), network, GalleryOptions(threshold=threshold))
    assert gallery.nearest(np.asarray(vector, np.float32)) == Prediction("unknown", 0.0, 1)


def test_a_picture_that_cannot_be_used_is_said(network, tmp_path):
    saved(tmp_path, anna=picture(0), black=np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "bert.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "notes.txt").write_text("left alone")
    (tmp_path / ".hidden.png").write_text("left alone")
    said = []
    assert Gallery(tmp_path, network, report=said.append).names == ("anna",)
    assert len(said) == 2
    assert "bert.jpg: not a whole image" in said[0]
    assert "black.png left out: the network gives no direction" in said[1]


def test_names_that_the_threshold_cannot_tell_apart_are_said(network, tmp_path):
    said = []
    Gallery(saved(tmp_path, anna=bands(200, 100, 0, 0), bert=bands(100, 200, 0, 0)), network, report=said.append)
    assert said == [
        "gallery: pictures of anna and bert have a cosine of 0.80, not below the threshold 0.5: a stranger may get a "
        "name; choose a threshold above 0.80"
    ]


def test_what_cannot_be_a_gallery_is_refused(network, tmp_path):
    with pytest.raises(FileError, match=r"holds no picture that can be used: put NAME\.jpg"):
        Gallery(tmp_path, network)
    with pytest.raises(FileError, match="cannot be read: No such file"):
        Gallery(tmp_path / "absent", network)
    with pytest.raises(InputError, match="needs a network of the task embed, got classify"):
        Gallery(saved(tmp_path, anna=picture(0)), BandsNetwork())
    with pytest.raises(InputError, match="must have 4 numbers, got 3"):
        Gallery(tmp_path, network).nearest(np.ones(3, np.float32))
    with pytest.raises(InputError, match="not 'unknown', got 'unknown'"):
        Gallery(saved(tmp_path, unknown=picture(0)), network)


@pytest.mark.parametrize("options", [{"threshold": 1.5}, {"combine": "first"}, {"unknown": ""}, {"unknown": "a\nb"}])
def test_options_are_checked(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} of a gallery must be"):
        GalleryOptions(**options)


@needs_shared
def test_photographs_are_found_again_by_a_real_network(tmp_path):
    """MobileNetV2's class scores as an embedding: each photograph, cropped and darker, is nearest to itself."""
    photographs = sorted(shared("images", "imagenet_sample").rglob("*.JPEG"))[:60:5]
    if len(photographs) < 10:
        pytest.skip("needs ten photographs in images/imagenet_sample")
    model = shared("models", "coral", "mobilenet_v2_1.0_224_quant.tflite")
    with open_session(model, SessionOptions(task="embed", threads=1)) as network:
        images = [cv2.imread(str(path)) for path in photographs]
        saved(tmp_path, **{f"photo{number}": image for number, image in enumerate(images[:-2])})
        gallery = Gallery(tmp_path, network, GalleryOptions(threshold=0.7), report=lambda text: None)
        labels = []
        for image in images:
            height, width = image.shape[:2]
            part = image[height // 20 : -height // 20, width // 20 : -width // 20]
            labels.append(named(gallery, network, (part * 0.8).astype(np.uint8)).label)
    right = [label == f"photo{number}" for number, label in enumerate(labels[:-2])]
    assert sum(right) >= len(right) - 1
    assert labels[-2:] == ["unknown", "unknown"]


def test_the_stated_output_is_the_embedding(network):
    assert network.signature.outputs == (Output("bands", "embedding", (1, 4)),)
