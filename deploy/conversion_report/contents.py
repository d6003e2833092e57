"""``contents`` gathers all facts of a conversion as one JSON object, from which the page is made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge import backends, files
from edge.backends.base import OpenOptions
from edge.bench.measure import measure
from edge.deploy import parity, verify
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion_options import ConversionOptions
from edge.deploy.conversion_report.answers import Answer, AnswerCollector
from edge.deploy.explain import Explanation
from edge.deploy.placement_report import edgetpu, xnnpack
from edge.deploy.placement_report.placements import PlacementReport
from edge.deploy.samples import NetworkInfo
from edge.device import this_device
from edge.errors import EdgeError

SCHEMA = 1
SECONDS, RUNS = 0.5, 10
"""How long each file is timed, and the least number of runs."""

CHECKS: Mapping[str, Callable[[Path], PlacementReport]] = {"xnnpack": xnnpack.report, "edgetpu": edgetpu.report}


@dataclass(frozen=True)
class Facts:
    """What is known at the end of a conversion.

    Attributes:
        options: what was asked for.
        source: the model.
        network: its signature and labels.
        provenance: the recipe, the model's digest, the tools, the assumptions and the calibration samples.
        converted: the files.
        verification: what the gate found.
        explanation: of the int8 file. None where it was not asked for.
        collector: the samples that are shown.
        stages: the name and the seconds of each stage.
    """

    options: ConversionOptions
    source: SourceModel
    network: NetworkInfo
    provenance: Mapping[str, Any]
    converted: Sequence[ConvertedArtifact]
    verification: parity.Verification
    explanation: Explanation | None
    collector: AnswerCollector
    stages: Sequence[tuple[str, float]]


def contents(facts: Facts, answers: Sequence[Answer], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Return the JSON object of ``report.json``, see docs/conversion-report.md. The files are timed here.

    Args:
        facts: what is known of the conversion.
        answers: the samples that are shown.
        progress: takes the number of files timed and their total.
    """
    failure = facts.verification.failure
    outcome = "failed" if failure else "passed" if facts.verification.rows else "not verified"
    return {
        "schema": SCHEMA,
        "name": facts.options.name or facts.source.name,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "outcome": outcome,
        "failure": str(failure) if failure else None,
        "command": facts.options.command,
        "model": _model(facts),
        "task": _task(facts),
        "calibration": _calibration(facts),
        "files": list(_files(facts.converted, progress)),
        "comparisons": [_comparison(*row) for row in facts.verification.rows],
        "explanation": facts.explanation.as_json() if facts.explanation else None,
        "answers": _answers(facts.collector, answers),
        "placements": list(_placements(facts.converted)),
        "stages": [{"stage": name, "seconds": round(seconds, 3)} for name, seconds in facts.stages],
        "device": this_device().as_json(),
        "tools": dict(facts.provenance["tools"]),
    }


def _model(facts: Facts) -> dict[str, Any]:
    return {
        **facts.provenance["source"],
        "quantize_aware": facts.source.quantize_aware,
    }


def _task(facts: Facts) -> dict[str, Any]:
    signature = facts.network.signature
    return {
        "name": signature.task.name,
        "decoder": signature.task.decoder,
        "inputs": [asdict(entry) for entry in signature.inputs],
        "outputs": [asdict(output) for output in signature.outputs],
        "labels": list(facts.network.labels),
        "assumed": list(facts.provenance["assumed"]),
    }


def _calibration(facts: Facts) -> dict[str, Any] | None:
    used = list(facts.provenance["calibration"])
    if not used or facts.options.calibration is None:
        return None
    data = facts.options.calibration.data.name
    return {"data": data, "method": facts.options.method, "seed": facts.options.calibration.seed, "samples": used}


def _files(converted: Sequence[ConvertedArtifact], progress: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
    for done, each in enumerate(converted, 1):
        yield _file(each)
        progress(done, len(converted))


def _file(converted: ConvertedArtifact) -> dict[str, Any]:
    path, artifact = converted.path, converted.artifact
    return {
        "file": path.name,
        "format": artifact.format,
        "precision": artifact.precision,
        "bytes": path.stat().st_size,
        "sha256": files.sha256(path),
        "latency": _latency(path),
    }


def _latency(path: Path) -> dict[str, Any]:
    """Return the figures of single runs on one thread, in milliseconds."""
    backend = backends.for_file(path)
    with backend.open(path, OpenOptions(1)) as model:
        timing = measure(model, SECONDS, RUNS)
    return {"backend": backend.name, "threads": 1, **timing.as_json()}


def _comparison(row: verify.Comparison, limits: verify.Limits) -> dict[str, Any]:
    exact = limits.exact
    return {
        **row.as_json(),
        "least": None if exact else limits.budget.agreement,
        "least_snr": verify.EXACT_SNR if exact else None,
        "allowed_drop": verify.EXACT_DROP if exact else limits.budget.drop,
        "complaint": row.complaint(limits),
    }


def _answers(collector: AnswerCollector, answers: Sequence[Answer]) -> dict[str, Any] | None:
    if not answers:
        return None
    rows = []
    for number, answer in enumerate(answers):
        row = asdict(answer)
        row["pictures"] = [f"{number}-{side}" for side, _ in zip(SIDES, answer.pictures, strict=False)]
        rows.append(row)
    return {"reference": parity.THE_MODEL, "candidate": collector.candidate, "unit": collector.unit, "samples": rows}


SIDES = ("model", "file")
"""What the two pictures of a sample are called."""


def picture_files(answers: Sequence[Answer]) -> dict[str, bytes]:
    """Return the JPEGs of the answers by the names that the JSON object has for them."""
    return {
        f"{i}-{side}": data for i, one in enumerate(answers) for side, data in zip(SIDES, one.pictures, strict=False)
    }


def _placements(converted: Sequence[ConvertedArtifact]) -> Iterator[dict[str, Any]]:
    """Yield where the operations of each TFLite file run. The Edge TPU takes int8 files alone."""
    for each in converted:
        for check, report in CHECKS.items():
            if each.artifact.format == "tflite" and (check != "edgetpu" or each.artifact.precision == "int8"):
                yield _placement(each.path, check, report)


def _placement(path: Path, check: str, report: Callable[[Path], PlacementReport]) -> dict[str, Any]:
    head = {"file": path.name, "check": check}
    try:
        found = report(path)
    except EdgeError as error:
        return {**head, "headline": str(error).replace(str(path), path.name), "lines": [], "left": []}
    left = [row.as_json() for row in found.operations if row.fix]
    return {**head, "headline": found.headline, "lines": list(found.lines), "left": left}
