"""The fit: resuming, stopping, precision, strategies and what it writes, on a network of two layers."""

import csv
import io
import json
import math
import subprocess
import sys
import textwrap
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.decode import Decoded
from edge.models.training.settings import Augmentation, Settings

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.training import fit  # noqa: E402
from edge.models.training.classification import classification_task  # noqa: E402
from edge.models.training.curves import plot_curves  # noqa: E402

LABELS = ("dark", "light")
PLAIN = Augmentation(flip=False, crop=0)
SETTINGS = Settings(epochs=3, batch=16, learning_rate=0.1, warmup=0, augmentation=PLAIN)


def small():
    stack = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    head = [keras.layers.Dense(2), keras.layers.Activation("softmax", dtype="float32")]
    return keras.Sequential([*stack, *head], name="small")


def decoded(count, seed=0, prefix="image"):
    """Half the images are dark, half are light."""
    classes = np.arange(count, dtype=np.int64) % 2
    noise = np.random.default_rng(seed).integers(0, 90, (count, 8, 8, 3))
    images = (noise + 150 * classes[:, None, None, None]).astype(np.uint8)
    return Decoded(images, classes, tuple(f"{prefix}{i}" for i in range(count)), ())


@pytest.fixture(scope="module")
def data():
    return classification_task.Classification(decoded(64), decoded(16, 1), decoded(20, 2), LABELS)


def history(out):
    with (out / fit.HISTORY).open() as file:
        return list(csv.DictReader(file))


def test_a_run_writes_all_that_it_says(tmp_path, data):
    shown = io.StringIO()
    record = fit.train(small, data, SETTINGS, tmp_path, stream=shown)
    assert {p.name for p in tmp_path.iterdir()} >= {fit.MODEL, fit.RECORD, fit.HISTORY, fit.LABELS}
    assert not list(tmp_path.glob(".*"))
    assert json.loads((tmp_path / fit.RECORD).read_text()) == json.loads(json.dumps(record))
    assert (tmp_path / fit.LABELS).read_text() == "dark\nlight\n"
    assert [row["epoch"] for row in history(tmp_path)] == ["1", "2", "3"]
    first, *epochs, last = shown.getvalue().splitlines()
    assert last == "measuring the result"
    assert first == "3 epoch(s) of 4 step(s); the first step takes longest"
    assert len(epochs) == 3
    assert "epoch 2/3" in shown.getvalue()
    assert record["accuracy"] == 1.0
    assert record["images"] == {"train": 64, "report": 20}
    assert (record["mean"], record["std"]) == ([127.5], [127.5])
    # 3*3*3*4 + 4 and 4*2 + 2 parameters; 108 weights at 6x6 positions and 8
    assert (record["trainable"], record["macs"]) == (122, 108 * 36 + 8)
    model = keras.models.load_model(tmp_path / fit.MODEL)
    predicted = model.predict((data.report_on.images - 127.5) / 127.5, verbose=0).argmax(-1)
    assert np.mean(predicted == data.report_on.classes) == record["accuracy"]


def test_the_step_is_traced_once(tmp_path, data):
    model = small()
    fit.compile_model(model, data, SETTINGS)
    fit.fit(model, data, SETTINGS, tmp_path, stream=io.StringIO())
    assert model.train_function.experimental_get_tracing_count() == 1


def test_accuracy_is_counted_over_the_last_partial_batch_too(data):
    model = small()
    predicted = model.predict((data.report_on.images.astype(np.float32) - 127.5) / 127.5, verbose=0).argmax(-1)
    assert classification_task.accuracy(model, data.report_on, batch=6) == pytest.approx(
        np.mean(predicted == data.report_on.classes)
    )


def test_the_seed_decides_the_result(tmp_path, data):
    results = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        fit.train(small, data, SETTINGS, tmp_path / name, stream=io.StringIO())
        results.append(keras.models.load_model(tmp_path / name / fit.MODEL).get_weights())
    # Sums over threads are in no fixed order: float32 rounding.
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    """Ends the process, as it were, in the middle of the epoch after ``epochs``."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_train_batch_end(self, batch, logs=None):
        if getattr(self, "epoch", 0) == self.epochs:
            raise Killed

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


def compiled(data, settings):
    keras.utils.set_random_seed(0)
    model = small()
    fit.compile_model(model, data, settings)
    return model


def test_a_killed_run_goes_on_after_its_last_epoch(tmp_path, data):
    model = compiled(data, SETTINGS)
    with pytest.raises(Killed):
        fit.fit(model, data, SETTINGS, tmp_path, stream=io.StringIO(), extra=[KillAfter(2)])
    assert len(history(tmp_path)) == 2
    again = compiled(data, SETTINGS)
    shown = io.StringIO()
    assert fit.fit(again, data, SETTINGS, tmp_path, resume=True, stream=shown) == 3
    assert [row["epoch"] for row in history(tmp_path)] == ["1", "2", "3"]
    assert shown.getvalue().splitlines()[1].startswith("epoch 3/3")
    assert int(again.optimizer.iterations.numpy()) == 3 * 4
    # The cosine goes on as well: the rate of step 12 of 12, counted from 0.
    last = 0.1 * 0.5 * (1 + math.cos(math.pi * 11 / 12))
    assert float(history(tmp_path)[2]["learning_rate"]) == pytest.approx(last, rel=1e-4)


def test_resuming_a_finished_run_trains_no_more(tmp_path, data):
    model = compiled(data, SETTINGS)
    fit.fit(model, data, SETTINGS, tmp_path, stream=io.StringIO())
    again = compiled(data, SETTINGS)
    assert fit.fit(again, data, SETTINGS, tmp_path, resume=True, stream=io.StringIO()) == 3
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(history(tmp_path)) == 3


def test_without_resume_an_old_history_is_not_continued(tmp_path, data):
    (tmp_path / fit.HISTORY).write_text("epoch,loss\n1,2\n2,1\n")
    fit.fit(compiled(data, SETTINGS), data, SETTINGS, tmp_path, stream=io.StringIO())
    assert [row["epoch"] for row in history(tmp_path)] == ["1", "2", "3"]


def test_a_row_of_an_epoch_without_a_checkpoint_is_dropped(tmp_path, data):
    fit.fit(compiled(data, SETTINGS), data, SETTINGS, tmp_path, stream=io.StringIO())
    with (tmp_path / fit.HISTORY).open("a") as file:
        file.write("4,9,9,9,9,9,9\n")
    fit.fit(compiled(data, SETTINGS), data, SETTINGS, tmp_path, resume=True, stream=io.StringIO())
    assert [row["epoch"] for row in history(tmp_path)] == ["1", "2", "3"]


class Scripted(keras.callbacks.Callback):
    """Replaces the validation accuracy by given values and marks the weights of each epoch with its number."""

    def __init__(self, accuracies):
        super().__init__()
        self.accuracies = accuracies

    def on_epoch_end(self, epoch, logs=None):
        logs["val_accuracy"] = self.accuracies[epoch]
        self.model.layers[-2].bias.assign([epoch, epoch])


STOPPING = Settings(epochs=8, batch=16, learning_rate=0.0, warmup=0, patience=2, augmentation=PLAIN)


def test_early_stopping_waits_and_keeps_the_best_epoch(tmp_path, data, monkeypatch):
    script = Scripted([0.2, 0.6, 0.5, 0.6, 0.9, 0.9, 0.9, 0.9])
    model = compiled(data, STOPPING)
    done = run_scripted(model, data, tmp_path, script, monkeypatch)
    # Epoch 2 was best; two epochs without a better one, equal is not better.
    assert done == 4
    np.testing.assert_array_equal(model.layers[-2].bias, [1, 1])


def test_a_stopped_run_is_not_trained_on_when_resumed(tmp_path, data, monkeypatch):
    script = Scripted([0.2, 0.6, 0.5, 0.6, 0.9, 0.9, 0.9, 0.9])
    run_scripted(compiled(data, STOPPING), data, tmp_path, script, monkeypatch)
    again = compiled(data, STOPPING)
    assert run_scripted(again, data, tmp_path, script, monkeypatch, resume=True) == 4
    np.testing.assert_array_equal(again.layers[-2].bias, [1, 1])
    assert len(history(tmp_path)) == 4


def run_scripted(model, data, out, script, monkeypatch, resume=False):
    real = fit.BestWeights

    class First(real):
        def on_epoch_end(self, epoch, logs=None):
            script.set_model(self.model)
            script.on_epoch_end(epoch, logs)
            super().on_epoch_end(epoch, logs)

    monkeypatch.setattr(fit, "BestWeights", First)
    try:
        return fit.fit(model, data, STOPPING, out, resume, io.StringIO())
    finally:
        monkeypatch.setattr(fit, "BestWeights", real)


def test_mixed_precision_ends_with_a_float32_model(tmp_path, data):
    settings = Settings(epochs=2, batch=16, warmup=0, mixed_precision=True, augmentation=PLAIN)
    seen = []

    def make():
        seen.append(keras.mixed_precision.global_policy().name)
        return small()

    record = fit.train(make, data, settings, tmp_path, stream=io.StringIO())
    assert seen == [fit.precision_policy(True), "float32"]
    assert keras.mixed_precision.global_policy().name == "float32"
    model = keras.models.load_model(tmp_path / fit.MODEL)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert record["accuracy"] == classification_task.accuracy(model, data.report_on)


def test_the_policy_is_restored_when_a_run_fails(tmp_path, data):
    settings = Settings(epochs=1, batch=16, mixed_precision=True)

    def make():
        raise InputError("no such network")

    with pytest.raises(InputError, match="no such network"):
        fit.train(make, data, settings, tmp_path)
    assert keras.mixed_precision.global_policy().name == "float32"


def test_a_batch_beyond_the_images_is_refused(tmp_path, data):
    with pytest.raises(InputError, match="batch must be at most the 64 training images, got 65"):
        fit.train(small, data, Settings(batch=65), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_training_that_diverges_ends_with_one_line(tmp_path, data):
    def exploding():
        layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Dense(2)]
        return keras.Sequential([*layers, keras.layers.Lambda(lambda x: x * 1e30)], name="exploding")

    with pytest.raises(InputError, match=r"diverged in epoch 1: the loss is (nan|inf); lower --learning-rate, which i"):
        fit.train(exploding, data, replace(SETTINGS, learning_rate=1e6), tmp_path)
    assert not (tmp_path / fit.MODEL).exists()
    assert not (tmp_path / fit.HISTORY).exists()


@pytest.mark.parametrize(
    ("count", "fraction", "apart"),
    [(20, 0.25, 5), (20, 0.01, 1), (2, 0.99, 1), (10, 0.5, 5)],
)
def test_hold_out_sets_a_part_aside(count, fraction, apart):
    whole = decoded(count)
    train, held = classification_task.hold_out(whole, fraction, seed=1)
    assert len(held.classes) == apart
    assert sorted(train.names + held.names) == sorted(whole.names)
    np.testing.assert_array_equal(held.images, whole.images[[whole.names.index(n) for n in held.names]])
    assert classification_task.hold_out(whole, fraction, seed=1)[1].names == held.names


def test_one_image_cannot_be_divided():
    with pytest.raises(InputError, match="at least 2 training images"):
        classification_task.hold_out(decoded(1), 0.5, seed=1)


def test_curves_are_a_picture(tmp_path):
    rows = ["epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds", "1,2,0.1,3,0.2,0.1,1"]
    (tmp_path / "history.csv").write_text("\n".join([*rows, "2,1,0.5,2,0.4,0.1,1"]) + "\n")
    plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    height, width = picture.shape[:2]
    assert width > height > 200
    for half in (picture[:, : width // 2], picture[:, width // 2 :]):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 20  # axes, text and two coloured lines


@pytest.mark.slow
def test_mirrored_over_two_logical_processors_learns(tmp_path):
    code = f"""
        import io
        from pathlib import Path
        from edge.deploy._tensorflow import need
        tf = need("tensorflow")
        cpu = tf.config.list_physical_devices("CPU")[0]
        half = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [half, half])
        from edge.models.training import fit
        from edge.models.training.classification import classification_task
        from edge.models.training.settings import Augmentation, Settings
        from tests.models.training.test_fit import LABELS, decoded, small
        data = classification_task.Classification(decoded(64), decoded(16, 1), decoded(20, 2), LABELS)
        settings = Settings(epochs=2, batch=16, warmup=0, strategy="mirrored", augmentation=Augmentation(False, 0))
        assert fit.strategy("mirrored").num_replicas_in_sync == 2
        print(fit.train(small, data, settings, Path({str(tmp_path)!r}), stream=io.StringIO())["accuracy"])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.splitlines()[-1]) >= 0.9
    assert len(history(tmp_path)) == 2
