"""Callbacks between epochs: a line for the user, a row of the CSV file, a checkpoint to resume from."""

import csv
import errno
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import tensorflow as tf
import tf_keras as keras

from edge import files
from edge.errors import FileError, InputError
from edge.models.training.settings import Settings

SILENCE = 15.0
"""Seconds of an epoch after which it says how far it is, and between two such lines."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of writing ``path`` into FileError. TensorFlow and HDF5 have their own errors for a full disk.

    Raises:
        FileError: the body could not write.
    """
    try:
        yield
    except FileError:
        raise
    except (OSError, RuntimeError, tf.errors.OpError) as error:
        raise FileError(f"cannot write {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the message of the operating system, which TensorFlow and HDF5 wrap in messages of their own."""
    full = os.strerror(errno.ENOSPC)
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return full if full in text else text.splitlines()[0]


class StopOnDivergence(keras.callbacks.Callback):
    """It ends a training whose loss is infinite or not a number, from which no later step recovers.

    The loss is looked at after each epoch and every ``SILENCE`` seconds, because reading it waits for the step.
    """

    def __init__(self, settings: Settings) -> None:
        """Remember the settings, which the message repeats."""
        super().__init__()
        self._settings = settings
        self._epoch, self._looked = 0, 0.0
        self._supports_tf_logs = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._looked = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the mean loss of the epoch so far, from time to time."""
        if time.monotonic() - self._looked >= SILENCE:
            self._looked = time.monotonic()
            self._check(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check(logs)

    def _check(self, logs: Any) -> None:
        """Raise InputError, before this epoch's checkpoint is written, for a loss that is no finite number."""
        if math.isfinite(loss := float(logs["loss"])):
            return
        used = self._settings
        other = "or use --optimizer adam" if used.optimizer == "sgd" else "or give more --warmup epochs"
        raise InputError(
            f"the training diverged in epoch {self._epoch + 1}: the loss is {loss}; lower --learning-rate, which is "
            f"{used.learning_rate:g} with {used.optimizer}, {other}"
        )


class History(keras.callbacks.Callback):
    """It appends a row to ``history.csv`` after each epoch, and prints it with the time that is left."""

    def __init__(self, path: Path, metric: str, epochs: int, stream: TextIO) -> None:
        """Choose what to write.

        Args:
            path: ``history.csv``.
            metric: the column beside the loss. Both are also written for the monitored samples, as ``val_<name>``.
            epochs: the number of epochs, to estimate the time that is left.
            stream: where the lines are printed.
        """
        super().__init__()
        self._columns = ("epoch", "loss", metric, "val_loss", f"val_{metric}", "learning_rate", "seconds")
        self._path, self._epochs, self._stream = path, epochs, stream
        self._started = self._spoke = 0.0
        self._epoch = 0
        self._supports_tf_logs = True  # Keras would wait for every step's figures, to hand them over as numbers

    def on_train_begin(self, logs: Any = None) -> None:
        if steps := self.params.get("steps"):
            self._tell(f"{self._epochs} epoch(s) of {steps} step(s); the first step takes longest")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = self._spoke = time.monotonic()
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Say how far a long epoch is, so that nobody takes it for a hang."""
        now = time.monotonic()
        if now - self._spoke >= SILENCE:
            self._spoke = now
            self._tell(f"epoch {self._epoch + 1}/{self._epochs}  step {batch + 1}/{self.params.get('steps') or '?'}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.monotonic() - self._started
        optimizer = self.model.optimizer
        rate = float(keras.backend.get_value(optimizer.learning_rate))
        values = {**(logs or {}), "epoch": epoch + 1, "learning_rate": rate, "seconds": round(seconds, 2)}
        self._append([values.get(column, "") for column in self._columns])
        left = seconds * (self._epochs - epoch - 1)
        shown = "  ".join(f"{k} {values[k]:.4f}" for k in self._columns[1:5] if k in values)
        self._tell(f"epoch {epoch + 1}/{self._epochs}  {shown}  {seconds:.0f} s, {left / 60:.0f} min left")

    def _tell(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _append(self, row: list[Any]) -> None:
        fresh = not self._path.exists()
        with writing(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(self._columns)
            writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in row])


class Checkpoint(keras.callbacks.Callback):
    """It saves weights, optimizer state and epoch after each epoch. ``restore`` continues from there."""

    def __init__(self, folder: Path, model: Any) -> None:
        super().__init__()
        self._folder = folder
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        tracked = tf.train.Checkpoint(model=model, optimizer=model.optimizer, epoch=self._epoch)
        self._manager = tf.train.CheckpointManager(tracked, str(folder), max_to_keep=1)

    def restore(self) -> int:
        """Load the newest checkpoint, if there is one, and return how many epochs are done."""
        if self._manager.latest_checkpoint is None:
            return 0
        self._manager.checkpoint.restore(self._manager.latest_checkpoint).expect_partial()
        return int(self._epoch.numpy())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epoch.assign(epoch + 1)
        with writing(self._folder):
            self._manager.save()


class BestWeights(keras.callbacks.Callback):
    """It keeps the weights of the epoch with the best monitored metric, for early stopping.

    The training stops after ``patience`` epochs without a better one. The state is on disk, so that a resumed run
    continues where it was.
    """

    def __init__(self, folder: Path, metric: str, patience: int) -> None:
        super().__init__()
        self._metric = f"val_{metric}"
        self._weights, self._state, self._patience = folder / "best.weights.h5", folder / "best.json", patience
        self._best = {"value": -1.0, "epoch": -1}
        if self._state.exists():
            self._best = json.loads(self._state.read_text())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = float((logs or {})[self._metric])
        if value > self._best["value"]:
            self._best = {"value": value, "epoch": epoch}
            self._save()
        elif self.is_over(epoch + 1):
            self.model.stop_training = True

    def _save(self) -> None:
        """Write the weights first, then their state. When the disk is full, the earlier ones stay."""
        weights, state = (path.with_name(f"partial.{path.name}") for path in (self._weights, self._state))
        try:
            with writing(self._weights):
                self._weights.parent.mkdir(parents=True, exist_ok=True)
                self.model.save_weights(weights)
                state.write_text(json.dumps(self._best))
                os.replace(weights, self._weights)
                os.replace(state, self._state)
        finally:
            for left in (weights, state):
                files.remove(left)

    def is_over(self, epochs: int) -> bool:
        """Return whether ``patience`` epochs have passed without a better one, after ``epochs`` epochs."""
        return epochs > 0 and epochs - 1 - int(self._best["epoch"]) >= self._patience

    def restore_best(self) -> None:
        """Load the weights of the best epoch into the model."""
        self.model.load_weights(self._weights)
