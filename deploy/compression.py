"""The steps of ``edge-compress``. Each step trains a transformed network and reports its quality and size.

``edge.deploy.compress`` transforms the network, and ``edge.deploy.conversion`` writes the file whose size is measured.
"""

import gzip
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.deploy._tensorflow import need
from edge.deploy.compress import prune, qat
from edge.deploy.conversion import freeze, tflite
from edge.deploy.quantized import is_quantize_aware, saving_h5
from edge.errors import InputError
from edge.files import replaced
from edge.models.training import fit

if TYPE_CHECKING:
    from edge.models.training.dataset_task import DatasetTask
    from edge.models.training.settings import Settings

PROBABILITIES = {"classify": 0, "segment": 0, "detect": 1, "speech": 0, "text": 0, "clips": 0}
"""The index of the output that must be a softmax, because the loss needs it, by dataset task."""


def check(model: Any, path: Path, row: str, quantize: bool) -> None:
    """Check that the steps can handle a model.

    Args:
        model: the loaded model.
        path: the model's file, for messages.
        row: the name of the dataset task.
        quantize: whether the model will be trained quantization-aware.

    Raises:
        InputError: they cannot; the message says why.
    """
    keras = need("tf_keras")
    if not isinstance(model, keras.Model):
        raise InputError(f"{path} is a Keras 3 model; compression needs one that was saved by tf_keras (Keras 2)")
    if is_quantize_aware(model):
        raise InputError(f"{path} is quantization-aware already; compress the model from before that step")
    nested = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    if nested:
        raise InputError(f"{path} holds a model as a layer ({nested[0]}); rebuild it as one functional model")
    outputs = 2 if row == "detect" else 1
    if len(model.inputs) != 1 or len(model.outputs) != outputs:
        raise InputError(
            f"{path} must have one input and {outputs} output(s) to be trained for the task {row}, "
            f"got {len(model.inputs)} and {len(model.outputs)}"
        )
    if row in PROBABILITIES:
        _check_softmax(model, path, PROBABILITIES[row])
    if quantize:
        qat.check(model)


def _check_softmax(model: Any, path: Path, output: int) -> None:
    entry = model.inputs[0]
    found = model(np.zeros((1, *entry.shape[1:]), entry.dtype.as_numpy_dtype), training=False)
    scores = np.asarray(found[output] if isinstance(found, (list, tuple)) else found)
    total = float(np.abs(scores.sum(axis=-1) - 1).max() + 1)
    if scores.min() < 0 or total > 1.01:
        raise InputError(f"{path} must end in a softmax to be trained on, its outputs sum to {total:.3g}")


def row(step: str, model: Any, task: "DatasetTask", seconds: float, out: Path) -> dict[str, Any]:
    """Measure a model after a step and return the step's record.

    Args:
        step: the name of the step.
        model: the model after the step.
        task: the dataset task that measures the quality.
        seconds: the training time of the step.
        out: a folder. The TFLite file is written there as ``<step>.tflite``, the task's pictures into ``<step>``.

    Returns:
        The task's figures, the share of zeros, and the size of the TFLite file in bytes, plain and zipped.
    """
    frozen = freeze.freeze_keras(model)
    content = tflite.qat_to_int8(frozen) if is_quantize_aware(model) else tflite.to_float32(frozen)
    with replaced(out / f"{step}.tflite") as temporary:
        temporary.write_bytes(content)
    figures = dict(task.report(model, out / step))
    headline = next(iter(figures))
    return {
        "step": step,
        "headline": headline,
        headline: figures[headline],
        "figures": figures,
        "sparsity": round(prune.sparsity(model), 4),
        "bytes": len(content),
        "zipped": len(gzip.compress(content)),
        "seconds": round(seconds, 1),
    }


def sentence(row: Mapping[str, Any]) -> str:
    """Return one line for the user with the figures of a step."""
    name = row.get("headline", "accuracy")
    return (
        f"{row['step']:8} {name} {row[name]:.4f}  sparsity {row['sparsity']:.2f}  "
        f"{row['bytes'] / 1024:.0f} KiB, zipped {row['zipped'] / 1024:.0f} KiB"
    )


def pruned(
    model: Any, sparsity: float, task: "DatasetTask", settings: "Settings", out: Path, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Prune a model while it is fine-tuned.

    Args:
        model: the network, which is not changed.
        sparsity: the final share of zeros in the pruned kernels, above 0 and below 1.
        task: the dataset task.
        settings: the settings of the fine-tuning.
        out: the folder of the results.
        resume: whether an interrupted run is continued.

    Returns:
        The pruned network without wrappers, and the step's record.
    """
    steps = fit.steps_per_epoch(task, settings) * settings.epochs
    wrapped, callbacks = prune.prunable(model, sparsity, steps)
    seconds = _fine_tune(wrapped, task, settings, out / "prune", resume, callbacks)
    plain = prune.strip(wrapped)
    return plain, row("prune", plain, task, seconds, out)


def quantize_aware(
    model: Any, task: "DatasetTask", settings: "Settings", out: Path, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune a model with simulated int8. The zeros of a pruned model stay zero.

    Args:
        model: the network, which is not changed.
        task: the dataset task.
        settings: the settings of the fine-tuning.
        out: the folder of the results.
        resume: whether an interrupted run is continued.

    Returns:
        The quantization-aware network, and the step's record.
    """
    keep_sparsity = prune.sparsity(model) > 0.05
    simulated = qat.quantize_aware(model, task.inputs(64, 512, seed=0), keep_sparsity)
    seconds = _fine_tune(simulated, task, settings, out / "qat", resume)
    qat.finish(simulated, model)
    return simulated, row("qat", simulated, task, seconds, out)


def _fine_tune(
    model: Any, task: "DatasetTask", settings: "Settings", out: Path, resume: bool, callbacks: Sequence[Any] = ()
) -> float:
    """Train in place and return the training seconds. With ``resume`` a finished training restores its weights."""
    out.mkdir(parents=True, exist_ok=True)
    need("tf_keras").utils.set_random_seed(settings.seed)
    fitted = task.with_head(model)
    fit.compile_model(fitted, task, settings)
    fit.fit(fitted, task, settings, out, resume, extra=callbacks)
    return fit.trained_seconds(out / fit.HISTORY)


def save(model: Any, task: "DatasetTask", source: Path, out: Path) -> Path:
    """Save the compressed model and delete the checkpoints.

    Args:
        model: the model after the last step.
        task: the dataset task, whose labels are written beside the model.
        source: the file of the original model, whose training record is copied.
        out: the folder of the results.

    Returns:
        The model's file: model.h5 for a quantization-aware model, model.keras for others.
    """
    simulated = is_quantize_aware(model)
    target = out / ("model.h5" if simulated else "model.keras")
    with saving_h5(), replaced(target) as temporary:
        model.save(temporary, include_optimizer=False) if simulated else model.save(temporary)
    fit.write_beside(task, out)
    record = source.with_name(fit.RECORD)
    if record.is_file() and record.parent != out:
        kept = json.loads(record.read_text(encoding="utf-8"))
        (out / fit.RECORD).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for step in ("prune", "qat"):
        shutil.rmtree(out / step / "checkpoint", ignore_errors=True)
    return target
