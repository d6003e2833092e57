"""``python -m tests.arm64.outputs FILE.npz`` writes what the released bundles answer here, on pictures from seeds.

``tools.arm64.differences`` compares the files of two processors.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import edge
from edge import golden
from tests.arm64.clip import WEIGHTS

BACKENDS = ("litert", "onnxruntime")
INPUTS = {"unet_membrane_int8": 1, "ssdlite_shufflenet_v2_bccd_int8": 2}
"""How many inputs the slower bundles get."""

USUAL_INPUTS = 8


def outputs() -> Iterator[tuple[str, np.ndarray]]:
    """Yield each output in its int8 steps, with its name: bundle, backend, number of the input, output."""
    for path in sorted(WEIGHTS.glob("*.edge")):
        for backend in BACKENDS:
            with edge.load(path, backend=backend, threads=1) as net:
                for seed in range(INPUTS.get(path.stem, USUAL_INPUTS)):
                    for name, tensor in golden.run(net, golden.inputs_for(net.signature, seed + 1)).items():
                        yield f"{path.stem} {backend} {seed} {name}", np.asarray(tensor.raw)


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]), **dict(outputs()))
