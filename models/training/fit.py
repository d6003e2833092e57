"""One training run, from a network, a dataset task and settings to a model, its history and a record of both."""

import csv
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError
from edge.files import replaced
from edge.models.complexity import complexity
from edge.models.training.averaging import average
from edge.models.training.callbacks import BestWeights, Checkpoint, History, StopOnDivergence
from edge.models.training.dataset_task import DatasetTask
from edge.models.training.schedules import optimizer
from edge.models.training.settings import Settings
from edge.models.training.training_record import signature_of

MODEL, RECORD, HISTORY, CURVES, LABELS = "model.keras", "train.json", "history.csv", "curves.png", "labels.txt"


def strategy(name: str) -> Any:
    """Return the ``tf.distribute`` strategy of a name. ``auto`` uses every GPU of this machine, or else one device."""
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored" or (name == "auto" and len(tf.config.list_logical_devices("GPU")) > 1):
        # Without a GPU logical processors are used, so that this can be tested anywhere.
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([d.name for d in devices])
    return tf.distribute.get_strategy()


def precision_policy(mixed: bool) -> str:
    """Return the name of the Keras policy. Mixed precision is float16 with a GPU and bfloat16 on processors."""
    if not mixed:
        return "float32"
    return "mixed_float16" if tf.config.list_logical_devices("GPU") else "mixed_bfloat16"


def train(
    make: Callable[[], Any],
    task: DatasetTask,
    settings: Settings,
    out: Path,
    resume: bool = False,
    stream: TextIO | None = None,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit a network to a dataset task, and write model.keras, train.json, history.csv and what belongs beside them.

    An interruption loses at most the current epoch.

    Args:
        make: builds the float32 network. It is called twice under mixed precision.
        task: the dataset task.
        settings: the settings of the run.
        out: the folder for the files.
        resume: whether to continue after the last finished epoch in ``out``.
        stream: where progress is printed; None for stderr.
        about: further entries of the record.

    Returns:
        The record, which is also in train.json.

    Raises:
        InputError: the batch is larger than the training set, or the training diverged.
        FileError: the folder cannot be written.
    """
    steps_per_epoch(task, settings)  # it refuses a batch that is too large before anything is built
    keras.utils.set_random_seed(settings.seed)
    started = time.time()
    distributed = strategy(settings.strategy)  # several workers need it before TensorFlow's devices are listed
    keras.mixed_precision.set_global_policy(precision_policy(settings.mixed_precision))
    try:
        with distributed.scope():
            model = make()
            start = model.get_weights() if settings.average else []
            fitted = task.with_head(model)
            compile_model(fitted, task, settings)
        epochs_done = fit(fitted, task, settings, out, resume, stream)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    print("measuring the result", file=stream or sys.stderr, flush=True)
    final = _in_float32(make, model, settings)
    if settings.average:
        average(final, start, settings.average, task, settings.seed)
    record = {**_record(final, task, settings, epochs_done, out, time.time() - started), **(about or {})}
    record["signature"] = signature_of(record, final.output_names)
    _save(final, task, record, out)
    return record


def steps_per_epoch(task: DatasetTask, settings: Settings) -> int:
    """Return the number of whole batches in the training samples.

    Raises:
        InputError: there is none.
    """
    steps = task.count // settings.batch
    if steps == 0:
        raise InputError(f"batch must be at most the {task.count} training images, got {settings.batch}")
    return steps


def compile_model(model: Any, task: DatasetTask, settings: Settings) -> None:
    """Compile the model with the optimizer of the settings and the loss and metrics of the task."""
    made = optimizer(settings, steps_per_epoch(task, settings), model)
    model.compile(made, task.loss(settings), metrics=task.metrics())
    # Otherwise the first step creates the variables and is traced twice, which takes seconds in a large network.
    model.optimizer.build(model.trainable_variables)
    model.compiled_loss.build(model.output)


def fit(
    model: Any,
    task: DatasetTask,
    settings: Settings,
    out: Path,
    resume: bool = False,
    stream: TextIO | None = None,
    extra: Sequence[Any] = (),
) -> int:
    """Fit a compiled model, and write history and checkpoints.

    Afterwards the model has the weights of the last epoch, or the best ones when ``settings.patience`` is set.

    Args:
        model: a compiled model.
        task: the dataset task.
        settings: the settings of the run.
        out: the folder for history and checkpoints.
        resume: whether to continue after the last finished epoch in ``out``.
        stream: where progress is printed; None for stderr.
        extra: further Keras callbacks.

    Returns:
        The number of epochs, with those before a resumption.

    Raises:
        InputError: the training diverged.
    """
    steps = steps_per_epoch(task, settings)
    checkpoint = Checkpoint(out / "checkpoint", model)
    first = checkpoint.restore() if resume else 0
    callbacks = [
        *extra,
        StopOnDivergence(settings),
        History(out / HISTORY, task.metric, settings.epochs, stream or sys.stderr),
        checkpoint,
    ]
    best = BestWeights(out / "checkpoint", task.metric, settings.patience) if settings.patience else None
    if best:
        best.set_model(model)
        callbacks.insert(0, best)
    _trim_history(out / HISTORY, first)
    last = first if best and best.is_over(first) else settings.epochs
    history = model.fit(
        task.training_batches(settings, settings.seed + first),
        validation_data=task.monitor_batches(settings),
        epochs=last,
        initial_epoch=first,
        steps_per_epoch=steps,
        callbacks=callbacks,
        verbose=0,
    )
    if best:
        best.restore_best()
    return first + len(history.epoch)


def _trim_history(path: Path, epochs: int) -> None:
    """Drop the rows of an epoch that ended before its checkpoint was written, or of an earlier run."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[: epochs + 1] if epochs else []), encoding="utf-8")
    if not epochs:
        path.unlink()


def _in_float32(make: Callable[[], Any], model: Any, settings: Settings) -> Any:
    """Return the model in float32, which devices need, in whatever precision it was trained."""
    if not settings.mixed_precision:
        return model
    copy = make()
    copy.set_weights(model.get_weights())
    return copy


def _record(
    model: Any, task: DatasetTask, settings: Settings, epochs: int, out: Path, seconds: float
) -> dict[str, Any]:
    cost, figures = complexity(model), dict(task.report(model, out))
    return {
        "network": model.name,
        "input_shape": list(model.input_shape[1:]),
        "classes": task.network_options()["classes"],
        "trainable": cost.trainable,
        "macs": cost.macs,
        "headline": next(iter(figures)),
        **figures,
        "figures": figures,
        **task.facts(),
        "epochs": epochs,
        "seconds": round(max(seconds, trained_seconds(out / HISTORY)), 1),
        "settings": settings.as_json(),
        **environment(),
    }


def trained_seconds(history: Path) -> float:
    """Return the seconds that all epochs of ``history.csv`` took, with those before a resumption."""
    with history.open(encoding="utf-8") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


def environment() -> dict[str, Any]:
    """Return what a record says about the tools and the machine."""
    versions = {"python": platform.python_version(), "tensorflow": tf.__version__}
    versions |= {"tf_keras": keras.__version__, "numpy": np.__version__}
    processors, gpus = os.cpu_count(), len(tf.config.list_logical_devices("GPU"))
    return {"versions": versions, "machine": f"{platform.machine()}, {processors} processors, {gpus} GPU"}


def write_beside(task: DatasetTask, out: Path) -> None:
    """Write what belongs beside a model: labels.txt, where the task has labels, and its other files."""
    labels = {LABELS: "".join(f"{label}\n" for label in task.labels)} if task.labels else {}
    for name, text in {**labels, **task.files()}.items():
        with replaced(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _save(model: Any, task: DatasetTask, record: dict[str, Any], out: Path) -> None:
    """Write the record last, because a folder with a record counts as complete."""
    write_beside(task, out)
    model.compile()  # without the optimizer's state, which only a checkpoint needs
    with replaced(out / MODEL) as temporary:
        model.save(temporary)
    with replaced(out / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
