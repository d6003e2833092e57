"""The steps of ``edge-compress``: each fits a transformed network and reports what it cost and saved.

It joins ``edge.deploy.compress``, which transforms, and ``edge.deploy.convert``, which writes the file that is measured.
"""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.deploy._tensorflow import need
from edge.deploy.compress import prune, qat
from edge.deploy.convert import freeze, tflite
from edge.deploy.quantized import is_quantize_aware, saving_h5
from edge.errors import InputError
from edge.files import replaced
from edge.models.training import fit
from edge.models.training.classification import classification

if TYPE_CHECKING:
    from edge.models.training.classification.classification import Classification
    from edge.models.training.settings import Settings


def check(model: Any, path: Path) -> None:
    """Raise InputError for a model that these steps would handle wrongly: each must be refused by its own words."""
    keras = need("tf_keras")
    if not isinstance(model, keras.Model):
        raise InputError(f"{path} is a Keras 3 model; compression needs one that was saved by tf_keras (Keras 2)")
    if is_quantize_aware(model):
        raise InputError(f"{path} is quantization-aware already; compress the model from before that step")
    nested = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    if nested:
        raise InputError(f"{path} holds a model as a layer ({nested[0]}); rebuild it as one functional model")
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.input_shape) != 4:
        raise InputError(f"{path} must have one image as input and one output, got {model.input_shape}")
    out = np.asarray(model(np.zeros((1, *model.input_shape[1:]), np.float32), training=False))
    if out.min() < 0 or abs(float(out.sum()) - 1) > 0.01:
        raise InputError(f"{path} must end in a softmax to be trained on, its outputs sum to {float(out.sum()):.3g}")


def row(step: str, model: Any, data: "Classification", seconds: float, out: Path) -> dict[str, Any]:
    """Return the record of one step: accuracy 0 to 1, share of zeros, TFLite bytes plain and zipped.

    The TFLite file stays in ``out`` as ``<step>.tflite``.
    """
    frozen = freeze.freeze_keras(model)
    content = tflite.qat_to_int8(frozen) if is_quantize_aware(model) else tflite.to_float32(frozen)
    with replaced(out / f"{step}.tflite") as temporary:
        temporary.write_bytes(content)
    return {
        "step": step,
        "accuracy": classification.accuracy(model, data.report_on),
        "sparsity": round(prune.sparsity(model), 4),
        "bytes": len(content),
        "zipped": len(gzip.compress(content)),
        "seconds": round(seconds, 1),
    }


def pruned(
    model: Any, sparsity: float, data: "Classification", settings: "Settings", out: Path, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Prune ``model`` while fine-tuning it; return the plain network with its zeros, and its row."""
    steps = fit.steps_per_epoch(data, settings) * settings.epochs
    wrapped, callbacks = prune.prunable(model, sparsity, steps)
    seconds = _fine_tune(wrapped, data, settings, out / "prune", resume, callbacks)
    plain = prune.strip(wrapped)
    return plain, row("prune", plain, data, seconds, out)


def quantize_aware(
    model: Any, data: "Classification", settings: "Settings", out: Path, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune ``model`` with int8 simulated, its zeros kept; return it with its wrappers, and its row."""
    keep_sparsity = prune.sparsity(model) > 0.05
    simulated = qat.quantize_aware(model, data.inputs(64, 512, seed=0), keep_sparsity)
    seconds = _fine_tune(simulated, data, settings, out / "qat", resume)
    qat.finish(simulated, model)
    return simulated, row("qat", simulated, data, seconds, out)


def _fine_tune(
    model: Any, data: "Classification", settings: "Settings", out: Path, resume: bool, callbacks: Sequence[Any] = ()
) -> float:
    """Fit in place; with ``resume`` a finished fit only restores its weights. Returns the seconds it took."""
    out.mkdir(parents=True, exist_ok=True)
    need("tf_keras").utils.set_random_seed(settings.seed)
    fit.compile_model(model, data, settings)
    fit.fit(model, data, settings, out, resume, extra=callbacks)
    return fit.trained_seconds(out / fit.HISTORY)


def save(model: Any, labels: Sequence[str], source: Path, out: Path) -> Path:
    """Write the model, labels and what is known of its training beside it; drop the checkpoints."""
    simulated = is_quantize_aware(model)
    target = out / ("model.h5" if simulated else "model.keras")
    with saving_h5(), replaced(target) as temporary:
        model.save(temporary, include_optimizer=False) if simulated else model.save(temporary)
    with replaced(out / fit.LABELS) as temporary:
        temporary.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    record = source.with_name(fit.RECORD)
    if record.is_file() and record.parent != out:
        kept = json.loads(record.read_text(encoding="utf-8"))
        (out / fit.RECORD).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for step in ("prune", "qat"):
        shutil.rmtree(out / step / "checkpoint", ignore_errors=True)
    return target
