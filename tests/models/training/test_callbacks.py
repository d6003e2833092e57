"""What is written between epochs, and a disk that does not take it."""

import errno
import io

import pytest

from edge.deploy._tensorflow import need
from edge.errors import FileError
from tests.models.training.test_fit import compiled, decoded

tf = need("tensorflow")

from edge.models.training import callbacks  # noqa: E402
from edge.models.training.classification import classification_task  # noqa: E402
from tests.models.training.test_fit import LABELS, SETTINGS  # noqa: E402


@pytest.fixture
def model():
    return compiled(classification_task.Classification(decoded(64), decoded(16, 1), decoded(20, 2), LABELS), SETTINGS)


ERRORS = [
    OSError(errno.ENOSPC, "No space left on device"),
    tf.errors.ResourceExhaustedError(None, None, "run/ckpt-1.data.tempstate1; No space left on device [Op:SaveV2]"),
    RuntimeError("Can't decrement id ref count (errno = 28, error message = 'No space left on device')"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_kind_of_full_disk_is_one_line(tmp_path, error):
    with pytest.raises(FileError) as caught, callbacks.writing(tmp_path):
        raise error
    assert str(caught.value) == f"cannot write {tmp_path}: No space left on device"


def test_other_reasons_are_kept_to_one_line(tmp_path):
    denied = tf.errors.PermissionDeniedError(None, None, "run/ckpt-1; Permission denied\nstack")
    with pytest.raises(FileError, match=r"cannot write .*; Permission denied$"), callbacks.writing(tmp_path):
        raise denied


def test_a_checkpoint_that_does_not_fit_is_a_file_error(tmp_path, model, monkeypatch):
    checkpoint = callbacks.Checkpoint(tmp_path / "checkpoint", model)

    def full(self):
        raise ERRORS[1]

    monkeypatch.setattr(tf.train.CheckpointManager, "save", full)
    with pytest.raises(FileError, match=r"cannot write .*checkpoint: No space left on device"):
        checkpoint.on_epoch_end(0)


def test_a_history_that_does_not_fit_is_a_file_error(tmp_path, model):
    (tmp_path / "history.csv").symlink_to("/dev/full")
    history = callbacks.History(tmp_path / "history.csv", "accuracy", 1, io.StringIO())
    history.set_model(model)
    with pytest.raises(FileError, match=r"history\.csv: No space left on device"):
        history.on_epoch_end(0, {"loss": 1.0})


def test_a_long_epoch_says_how_far_it_is(tmp_path, model, monkeypatch):
    said, clock = io.StringIO(), iter([0.0, 10.0, 16.0, 20.0])
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(clock))
    history = callbacks.History(tmp_path / "history.csv", "accuracy", 2, said)
    history.set_params({"epochs": 2, "steps": 9})
    history.on_train_begin()
    history.on_epoch_begin(0)
    for step in range(3):  # after 10, 16 and 20 s: only the second is over 15 s since the last line
        history.on_train_batch_end(step)
    assert said.getvalue().splitlines() == [
        "2 epoch(s) of 9 step(s); the first step takes longest",
        "epoch 1/2  step 2/9",
    ]


def test_best_weights_that_do_not_fit_leave_the_earlier_ones(tmp_path, model, monkeypatch):
    best = callbacks.BestWeights(tmp_path, "accuracy", patience=2)
    best.set_model(model)
    best.on_epoch_end(0, {"val_accuracy": 0.5})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(path):
        path.write_bytes(b"half")
        raise ERRORS[0]

    monkeypatch.setattr(model, "save_weights", full)
    with pytest.raises(FileError, match=r"best\.weights\.h5: No space left on device"):
        best.on_epoch_end(1, {"val_accuracy": 0.9})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
