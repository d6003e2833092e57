"""Detection as a task for the common fit: what is shown, what is learnt, what is reported."""

import io
import json

import cv2
import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.settings import Augmentation, Settings
from edge.tasks.average_precision import Truth
from tests.models.training.detection import voc

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.decoders import anchors as boxes_of  # noqa: E402
from edge.models import build  # noqa: E402
from edge.models.training import fit  # noqa: E402
from edge.models.training.detection import detection_task  # noqa: E402

SIZE = (48, 64, 3)
STILL = Augmentation(flip=False, crop=0)
STRIDES, RATIOS = (8, 16), (1.5,)


def settings_of(**changed):
    return Settings(**{"epochs": 1, "batch": 4, "warmup": 0, "augmentation": STILL, **changed})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voc")
    return voc.write(folder / "set.zip", voc.files_of({"train": 8, "val": 4, "test": 5}))


@pytest.fixture(scope="module")
def task(root):
    return detection_task.load(root, SIZE, settings_of(), strides=STRIDES, ratios=RATIOS)


@pytest.mark.parametrize(
    ("sets", "changed", "parts"),
    [
        pytest.param(("train", "val", "test"), {}, ("trainval", "test", "test"), id="all that may be trained on"),
        pytest.param(("train", "val", "test"), {"patience": 3}, ("train", "val", "test"), id="stopping looks at val"),
        pytest.param(("train", "val", "test"), {"holdout": 0.1}, ("train", "val", "test"), id="set apart"),
        pytest.param(("train", "val"), {}, ("train", "val", "val"), id="no test set"),
        pytest.param(("train", "test"), {}, ("train", "test", "test"), id="no val set"),
    ],
)
def test_which_set_is_for_what(tmp_path, sets, changed, parts):
    counts = {"train": 2, "val": 3, "test": 1}
    root = voc.write(tmp_path / "a", voc.files_of({name: counts[name] for name in sets}))
    made = detection_task.load(root, SIZE, settings_of(**changed))
    sizes = {**counts, "trainval": 5}
    found = (made.train, made.monitor, made.report_on)
    assert [len(part.names) for part in found] == [sizes[part] for part in parts]


@pytest.mark.parametrize(
    ("sets", "changed", "words"),
    [
        ({"train": 2}, {}, "needs ImageSets/Main/val.txt with names in it; it has: train"),
        ({"train": 2, "test": 1}, {"patience": 1}, "needs ImageSets/Main/val.txt"),
        (
            {"train": 2, "test": 1},
            {"augmentation": Augmentation(mixup=0.2)},
            "mixup is for the classification of images and must be 0 for boxes",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(tmp_path, sets, changed, words):
    root = voc.write(tmp_path / "a", voc.files_of(sets))
    with pytest.raises(InputError, match=words):
        detection_task.load(root, SIZE, settings_of(**changed))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"upside_down": "false"}, "upside_down must be True or False, got 'false'"),
        ({"loss": "hard"}, "unknown loss 'hard': did you mean 'hard_negatives'"),
        ({"scales": 0.2}, "scales must be two numbers"),
        ({"strides": (8, 32)}, "double up"),
        ({"ratios": (0.5,)}, "ratios must be above 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(root, options, words):
    with pytest.raises(InputError, match=words):
        detection_task.load(root, SIZE, settings_of(), **options)


def test_scales_fit_the_boxes():
    # Sides of 6 and 12 pixels of a 48x64 image, and of 24: medians 9 and 24, of 48.
    sides = [(6, 0), (12, 0), (24, 1)]
    boxes = np.array([[0, 0, side / 48, side / 64] for side, _ in sides], np.float32)
    truth = Truth(boxes, np.array([c for _, c in sides]), np.zeros(3, bool))
    assert detection_task.fitting_scales((truth,), SIZE, 2) == pytest.approx((9 / 48, 24 / 48), abs=1e-4)
    alone = Truth(boxes, np.zeros(3, np.int64), np.zeros(3, bool))
    assert detection_task.fitting_scales((alone,), SIZE, 1) == pytest.approx((9 / 48, 18 / 48), abs=1e-4)  # quartiles


def test_batches_hold_every_box(task):
    images, (offsets, scores) = next(iter(task.training_batches(settings_of(), 0)))
    count = len(task.anchors)
    assert (images.shape, offsets.shape, scores.shape) == ((4, *SIZE), (4, count, 5), (4, count, 3))
    assert np.abs(images).max() <= 1
    for image, moved, classes in zip(np.asarray(images), np.asarray(offsets), np.asarray(scores), strict=True):
        row = int(np.abs(detection_task.normalize(task.train.images) - image).max((1, 2, 3)).argmin())
        truth = task.train.truths[row]
        hit = moved[:, 4] == 1
        found = boxes_of.decode(moved[hit, :4], task.anchors[hit])
        kinds = classes[hit, 1:].argmax(-1)
        assert in_pixels(found, kinds) == in_pixels(truth.boxes, truth.classes)


def in_pixels(boxes, classes):
    """Return the set of (class, corners in whole pixels)."""
    return {(int(c), *np.round(b * (48, 64, 48, 64)).astype(int)) for b, c in zip(boxes, classes, strict=True)}


def test_batches_are_the_same_for_a_seed_and_cover_an_epoch(task):
    how = settings_of(augmentation=Augmentation(flip=True, crop=8, jitter=0.2))

    def epoch(seed):
        return np.concatenate([np.asarray(x) for x, _ in task.training_batches(how, seed).take(3)])

    np.testing.assert_array_equal(epoch(1), epoch(1))
    assert np.abs(epoch(1) - epoch(2)).max() > 0.1
    still = np.concatenate([np.asarray(x) for x, _ in task.training_batches(settings_of(), 1).take(3)])
    assert len(np.unique(still.reshape(12, -1), axis=0)) == 12
    monitored = np.concatenate([np.asarray(x) for x, _ in task.monitor_batches(settings_of())])
    np.testing.assert_array_equal(monitored, detection_task.normalize(task.monitor.images))


def test_inputs_are_training_images(task):
    batches = list(task.inputs(2, 5, seed=1))
    assert sum(len(b) for b in batches) == 5
    known = detection_task.normalize(task.train.images)
    assert all((np.abs(known - x).max((1, 2, 3)) == 0).any() for b in batches for x in b)


def perfect(task):
    """Return a network that gives every image the same answers: those of the first reported one."""
    truth = task.report_on.truths[0]
    from edge.models.training.detection.anchor_matching import targets

    offsets, scores = targets(truth.boxes, truth.classes, task.anchors, len(task.labels))
    inputs = keras.Input(SIZE)
    zero = keras.layers.Lambda(lambda x: x[:, :1, :1, 0] * 0)(inputs)
    outputs = [
        keras.layers.Lambda(lambda z, part=part: z + part[None], name=name)(zero)
        for name, part in (("boxes", offsets[:, :4]), ("scores", scores))
    ]
    return keras.Model(inputs, outputs, name="perfect")


def test_a_perfect_answer_is_reported_as_one(task, tmp_path):
    from dataclasses import replace

    first = task.report_on
    only = replace(task, report_on=type(first)(first.images[:1], first.truths[:1], first.names[:1]))
    found = only.report(perfect(task), tmp_path)
    assert next(iter(found)) == "mAP"
    assert (found["anchor_f1"], found["mAP"]) == (1.0, 1.0)
    assert set(found["AP"]) == {"disc", "square"}
    sheet = cv2.imread(str(tmp_path / "detections.png"))
    assert sheet.shape[0] == 5 * SIZE[0]  # a small image is enlarged, so that its captions can be read


def test_facts_say_what_the_anchors_are_made_from(task):
    facts = json.loads(json.dumps(task.facts()))
    assert facts["images"] == {"train": 12, "report": 5}
    assert sum(facts["boxes"].values()) == sum(len(t.boxes) for t in task.train.truths)
    made = facts["anchors"]
    again = boxes_of.anchors(SIZE, made["strides"], made["ratios"], tuple(made["scales"]))
    np.testing.assert_array_equal(again, task.anchors)


def test_the_step_is_traced_once(task, tmp_path):
    count, classes = len(task.anchors), len(task.labels)
    entry = keras.Input(SIZE)
    pooled = keras.layers.GlobalAveragePooling2D()(entry)
    parts = [keras.layers.Dense(count * wide)(pooled) for wide in (4, classes + 1)]
    outputs = [keras.layers.Reshape((count, -1))(part) for part in parts]
    model = keras.Model(entry, [outputs[0], keras.layers.Softmax()(outputs[1])])
    fit.compile_model(model, task, settings_of())
    fit.fit(model, task, settings_of(), tmp_path, stream=io.StringIO())
    assert model.train_function.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_a_network_learns_to_find_discs_and_squares(tmp_path):
    root = voc.write(tmp_path / "set.zip", voc.files_of({"train": 384, "test": 24}))
    flip = Augmentation(flip=True, crop=0)
    settings = settings_of(epochs=8, batch=8, optimizer="adam", learning_rate=5e-3, warmup=1, augmentation=flip)
    task = detection_task.load(
        root, SIZE, settings, strides=STRIDES, ratios=RATIOS, upside_down=True, loss="hard_negatives"
    )

    def make():
        return build("ssdlite_shufflenet_v2", SIZE, 2, 0.25, strides=STRIDES, ratios=RATIOS)

    (tmp_path / "run").mkdir()
    record = fit.train(make, task, settings, tmp_path / "run", stream=io.StringIO())
    assert record["headline"] == "mAP"
    assert record["mAP"] >= 0.8  # untrained: 0
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {fit.MODEL, fit.RECORD, "detections.png"}
    history = (tmp_path / "run" / fit.HISTORY).read_text().splitlines()
    assert history[0] == "epoch,loss,anchor_f1,val_loss,val_anchor_f1,learning_rate,seconds"
    assert all(history[-1].split(","))
