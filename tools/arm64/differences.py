"""How far the released bundles' int8 outputs on ARM are from those on x86, as a table of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.files import replaced
from tools.arm64.processors import PROCESSORS

HEAD = """# int8 outputs on ARM and on x86

The released bundles ran on pictures from seeds, on this x86 machine and on ARM processors that qemu {qemu} emulates,
in a Debian {suite} arm64 root, from the same wheel. A step is 1 of the 256 values of an int8 output. No board was used.
`make test-arm64 ARM64="--report"` writes this page.

| processor | bundle | backend | output | values | differ | by at most (steps) |
|---|---|---|---|---:|---:|---:|
"""


@dataclass(frozen=True)
class Difference:
    """How one output of a bundle differs, over all inputs.

    Attributes:
        bundle: the bundle's name.
        backend: the backend that ran it.
        output: the output's name.
        values: how many values were compared.
        differ: how many of them differ.
        steps: the largest difference, in int8 steps.
    """

    bundle: str
    backend: str
    output: str
    values: int
    differ: int
    steps: int


def compare(here: Path, there: Path) -> list[Difference]:
    """Return the differences between two files of ``tests.arm64.outputs``."""
    with np.load(here) as known, np.load(there) as found:
        return list(_differences(known, found))


def _differences(known: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> Iterator[Difference]:
    groups: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for name in known:
        bundle, backend, _, output = name.split(" ", 3)
        steps = np.abs(known[name].astype(np.int32) - found[name].astype(np.int32))
        groups.setdefault((bundle, backend, output), []).append(steps.ravel())
    for names, parts in groups.items():
        steps = np.concatenate(parts)
        yield Difference(*names, steps.size, int(np.count_nonzero(steps)), int(steps.max()))


def write_report(path: Path, suite: str, qemu: str, found: Mapping[str, list[Difference]]) -> None:
    """Write the page of results.

    Args:
        path: the Markdown file.
        suite: the release of Debian in the root.
        qemu: the version of qemu.
        found: the differences by processor.
    """
    lines = [
        f"| {processor} ({PROCESSORS[processor].boards}) | {one.bundle} | {one.backend} | {one.output} | "
        f"{one.values} | {one.differ} | {one.steps} |"
        for processor, differences in found.items()
        for one in differences
    ]
    with replaced(path) as temporary:
        temporary.write_text(HEAD.format(qemu=qemu, suite=suite) + "\n".join(lines) + "\n", encoding="utf-8")
