"""``spot_check`` compares files that nobody verifies with the model, on a few of the samples that calibrated them.

Such samples prove little, because ranges and weights were fitted to them. But a file that is far from the model on them
is of no use, and must not pass for a good one.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from edge.deploy import parity
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.samples import NetworkInfo, Samples
from edge.errors import GateFailed

SAMPLES = 4

FAR = 15.0
"""Signal-to-noise ratio in dB below which answers that differ are no chance of a few samples."""


def spot_check(
    calibration: Samples,
    source: SourceModel,
    converted: Sequence[ConvertedArtifact],
    network: NetworkInfo,
    report: Callable[[str], None],
) -> None:
    """Warn of an int8 file that is far from the model.

    Args:
        calibration: the samples that calibrated the files.
        source: the model.
        converted: the files.
        network: what is known of the network.
        report: takes the warning.

    Raises:
        GateFailed: a float32 file does not compute what the model does.
    """
    few = [sample for sample in islice(calibration.read(), SAMPLES) if sample is not None]
    if not few:
        return
    chosen = Samples(tuple(sample.id for sample in few), lambda: iter(few), calibration.noun)
    found = parity.compare_files(
        parity.Gate(Path()), chosen, source, converted, network, lambda line: None, lambda done, total: None
    )
    rows = [(row, limits) for row, limits in found.rows if row.reference == parity.THE_MODEL]
    said = [(row, limits, complaint) for row, limits in rows if (complaint := row.complaint(limits))]
    if wrong := [complaint for _, limits, complaint in said if limits.exact]:
        raise GateFailed("; ".join(wrong))
    for row, _, complaint in said:
        if row.figures.snr < FAR:
            report(
                f"warning: {complaint}, although they calibrated it ({row.figures.snr:.1f} dB); --explain names the "
                "layers that lose most, and --verify DATA decides on other samples"
            )
