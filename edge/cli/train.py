"""``edge-train`` trains a network on a data set."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.cli import _main
from edge.cli._train_options import network_options, parser, settings_from
from edge.errors import FileError, InputError, unknown_name
from edge.files import sha256


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    if a.list:
        _list()
        return
    if a.describe and a.model is not None:
        _describe(a)
        return
    for option in ("model", "data", "out"):
        if getattr(a, option) is None:
            raise InputError(f"{'--' if option != 'model' else ''}{option} is missing; see edge-train --help")
    if a.average and a.weights is None:
        raise InputError("--average mixes with the network to start from: give --weights too")
    _train(a)


def _list() -> None:
    from edge.models.networks import NETWORKS
    from edge.models.registry import available

    for name in available():
        row = NETWORKS.get(name)
        if row is None:
            print(f"{name:32} plug-in")
            continue
        shape = "x".join(map(str, row.input_shape))
        print(f"{name:32} {row.tasks[0]:12} {shape:13} {row.summary}")


def _describe(a: argparse.Namespace) -> None:
    from edge.models.registry import available

    if a.model not in available():
        raise unknown_name("model", a.model, available())
    _main.quiet_tensorflow()
    from edge.models import describe

    found = describe(a.model, **network_options(a))
    _main.write_json(a.json, found.as_json())
    print(f"{found.name}: {found.summary}  {found.paper}")
    shown = {
        "task": ", ".join(found.tasks),
        "input": "x".join(map(str, found.input_shape)),
        "output": ", ".join("x".join(map(str, shape)) for shape in found.outputs),
        "parameters": f"{found.parameters:,} trained, {found.total:,} in all",
        "MACs": f"{found.macs:,}",
        "activations": f"{found.activation_peak:,} values at once: bytes in int8, a quarter of those in float32",
        "receptive field": "everything" if found.receptive_field is None else f"{found.receptive_field} rows",
        "taps": ", ".join(f"{stride}: {layer}" for stride, layer in found.strides.items()),
    }
    for title, text in shown.items():
        if text:
            print(f"  {title:16} {text}")


def _train(a: argparse.Namespace) -> None:
    from edge.cli._dataset_tasks import open_dataset
    from edge.models.registry import available, check
    from edge.models.training.outdir import claim

    if a.model not in available():
        raise unknown_name("model", a.model, available())
    options = network_options(a)
    check(a.model, options["input_shape"], classes=1, width=a.width, dropout=a.dropout)
    settings = settings_from(a, options["input_shape"][-3:][0])
    opened = open_dataset(a.model, a.data, options["input_shape"], dict(a.data_option), dict(a.option))
    about: dict[str, Any] = {
        "data": opened.identity,
        "build": {"name": a.model, **options},
        "weights": _weights_identity(a.weights),
    }
    choices = {"model": a.model, **options, **settings.as_json(), **about, "data_options": dict(a.data_option)}
    with claim(a.out, choices, a.resume, shared=a.strategy == "multiworker") as out:
        _main.quiet_tensorflow()
        from edge.deploy.load import load_keras
        from edge.models import build
        from edge.models.training import fit
        from edge.models.training.curves import plot_curves
        from edge.models.training.dataset_task import sentence
        from edge.models.training.transfer import start_from

        task = opened.load(options["input_shape"], settings, out / "cache")
        about["build"] |= options | dict(task.network_options())

        def make() -> Any:
            model = build(**about["build"])
            return start_from(model, load_keras(a.weights)) if a.weights else model

        record = fit.train(make, task, settings, out, a.resume, about={**about, "command": a.command})
        plot_curves(out / fit.HISTORY, out / fit.CURVES, task.metric)
    _main.write_json(a.json, record)
    print(f"{sentence(a.model, record, opened.sample)}; model in {a.out}")


def _weights_identity(weights: Path | None) -> dict[str, str] | None:
    """Return name and digest of the file to start from. Raises FileError when it does not exist."""
    if weights is None:
        return None
    if not weights.is_file():
        raise FileError(f"--weights {weights} does not exist")
    return {"name": weights.name, "sha256": sha256(weights)}


def _command_line(words: Sequence[str]) -> str:
    """Return the command line for the record, with the last part of each path and without ``--resume``."""
    kept = [Path(word).name if "/" in word else word for word in words if word != "--resume"]
    return shlex.join(["edge-train", *kept])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-train`` and return the exit code."""
    command = _command_line(sys.argv[1:] if argv is None else argv)
    return _main.run(parser(), lambda a: body(argparse.Namespace(**vars(a), command=command)), argv)


if __name__ == "__main__":
    sys.exit(main())
