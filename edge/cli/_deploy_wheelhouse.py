"""edge-deploy wheelhouse: gather all wheels of the runtime, for devices without a network."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge.cli import _main

EPILOG = """\
examples:
  edge-deploy wheelhouse --target pi5 --out wheels                          (Python 3.13, Raspberry Pi OS Trixie)
  edge-deploy wheelhouse --target pi4 --python 3.11 --with signed --out wheels              (Raspberry Pi OS Bookworm)
  edge-deploy wheelhouse --target pi5 --with picamera --out wheels    (CSI camera: numpy stays that of the system)

Copy the folder to the device, then there:
  cd wheels && sha256sum --quiet -c SHA256SUMS
  python3 -m venv /opt/edgekit/venv               (with picamera: python3 -m venv --system-site-packages …)
  /opt/edgekit/venv/bin/pip install --no-index --no-deps *.whl"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy wheelhouse`` and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="edge-deploy wheelhouse", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument("--target", required=True, help="the device: pi-zero2, pi3, pi4, pi5, coral-dev or x86")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--python",
        default="3.13",
        metavar="3.N",
        help="the device's Python: 3.13 for Raspberry Pi OS Trixie (default), 3.11 for Bookworm",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAMES",
        help="also gather extras: onnx, openvino, signed, metrics, mqtt, preview, rtsp, track; picamera leaves numpy "
        "to the device's system",
    )
    parser.add_argument(
        "--constraints", type=Path, metavar="FILE", help="versions of packages (default: the tested set, in a checkout)"
    )
    _main.add_json(parser)
    return _main.run(parser, _wheelhouse, argv)


def _wheelhouse(arguments: argparse.Namespace) -> None:
    from edge.deploy import wheelhouse

    house = wheelhouse.Wheelhouse(arguments.target, arguments.python, arguments.extras, arguments.constraints)
    system = wheelhouse.SYSTEMS[house.python][0]
    print(f"wheels for {wheelhouse.MACHINES[house.target]}, Python {house.python} ({system})", flush=True)
    done = wheelhouse.gather(house, arguments.out, lambda line: print(f"  {line}", flush=True))
    for name, size in done.sizes.items():
        print(f"{size / 1e6:6.1f} MB  {name}")
    print(f"{sum(done.sizes.values()) / 1e6:6.1f} MB in {len(done.sizes)} wheels in {done.folder}")
    if house.system_numpy:
        print(
            f"numpy is left out: the device keeps its system's {house.system_numpy}, which picamera2 was built for; "
            "make the environment with python3 -m venv --system-site-packages, and install with pip install --no-deps"
        )
    _main.write_json(
        arguments.json,
        {"target": house.target, "python": house.python, "version": done.version, "wheels": done.sizes},
    )
