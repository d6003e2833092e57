"""edge-deploy BUNDLE --to USER@HOST: put a bundle on devices, as a supervised service on each."""

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _deploy_options, _main
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.camera.config import CameraConfig
    from edge.deploy.push.deployment import Deployment
    from edge.deploy.push.host import Host

EPILOG = """\
examples:
  edge-deploy net.edge --to pi@raspberrypi.local --source 0
  edge-deploy net.edge --to pi@10.0.0.7 --source rtsp://cam/1 -- --score-threshold 0.6 --jsonl results.jsonl
  edge-deploy net.edge --inventory fleet.toml --max-failures 2 --max-latency 40
  edge-deploy net.edge --to pi@offline.local --wheelhouse wheels/

Logs in with your own keys, agent, ~/.ssh/config and known hosts. On the device it installs the runtime where that is
missing or another one, copies the bundle into a new slot (a broken transfer is resumed), checks every digest there,
runs the golden input, switches with one rename, and starts the service. If any of that fails, the device runs what it
ran before (exit code 1, or 2 where it was refused early). What follows -- are options of edge-camera. The word push may
be left out. edge-deploy --help lists the other commands."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy push`` and return the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    own, camera = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    return _main.run(_parser(), lambda arguments: _push(arguments, camera), own)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-deploy push", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle: a folder or an .edge file")
    _deploy_options.add_hosts(parser)
    parser.add_argument(
        "--max-failures",
        type=_failures,
        default=0,
        metavar="N",
        help="how many devices may fail before no other is begun (default 0); a canary may not fail at all",
    )
    _add_service(parser)
    _add_release(parser)
    return parser


def _add_service(parser: argparse.ArgumentParser) -> None:
    count = _deploy_options.count
    group = parser.add_argument_group("the service")
    group.add_argument("--source", default="0", metavar="SOURCE", help="the camera, as for edge-camera (default 0)")
    group.add_argument("--no-service", action="store_true", help="put the bundle there, and run nothing")
    group.add_argument("--memory", type=count, metavar="MIB", help="the most memory of the service (default: no limit)")
    group.add_argument(
        "--cpu", type=count, metavar="PERCENT", help="the most processor time, 100 for one core (default: no limit)"
    )
    group.add_argument(
        "--watchdog",
        type=count,
        default=30,
        metavar="S",
        help="start it again when its loop hangs for S s (default 30)",
    )


def _add_release(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the release")
    group.add_argument(
        "--max-latency",
        type=_milliseconds,
        metavar="MS",
        help="the longest median time of a run in the health check (default: any)",
    )
    group.add_argument(
        "--keep", type=_deploy_options.count, default=3, metavar="N", help="how many releases stay (default 3)"
    )
    group.add_argument(
        "--wheelhouse",
        type=Path,
        metavar="DIR",
        help="the wheels that edge-deploy wheelhouse gathered, for devices without a network (default: from the index)",
    )
    group.add_argument(
        "--csi",
        action="store_true",
        help="for cameras on the ribbon cable: let the runtime see the system's picamera2 and numpy; needs a "
        "--wheelhouse that was made --with picamera",
    )


def _push(arguments: argparse.Namespace, camera: Sequence[str]) -> int:
    from edge.deploy.push import deployment as pushing

    found = _deploy_options.hosts(arguments)
    config = _camera_config(arguments.source, camera)
    with tempfile.TemporaryDirectory(prefix="edge-deploy-") as folder:
        deployment = _deployment(arguments, camera, config, Path(folder))

        async def one(host: "Host") -> dict[str, Any]:
            answer = await pushing.deploy(host, deployment, _reporter(host, len(found) > 1))
            print(_line(answer))
            return answer

        outcomes = _deploy_options.on_all(found, one, arguments.parallel, arguments.max_failures)
    return _deploy_options.told(arguments.json, outcomes)


def _camera_config(source: str, camera: Sequence[str]) -> "CameraConfig | None":
    """Return what the service is told, None when that is in a file on the device.

    Options that edge-camera would refuse on the device are refused here, its parser's by its own line.
    """
    from edge.camera.mappings import build
    from edge.cli import _camera_mapping
    from edge.cli import camera as command

    deployed = Path("net.edge")
    given = _main.parse(command.parser(), ["--model", str(deployed), "--source", source, "--quiet", *camera])
    for option in ("print_config", "max_frames", "json"):
        if getattr(given, option):
            raise InputError(f"a service runs until it is stopped: leave out --{option.replace('_', '-')} after --")
    stated = build(_camera_mapping.with_sets(_camera_mapping.mapping(given), given.set))
    if stated.model.file != deployed:
        raise InputError(f"the service runs the bundle that is deployed; leave out the model {stated.model.file}")
    return None if given.config is not None else stated


def _deployment(
    arguments: argparse.Namespace, camera: Sequence[str], config: "CameraConfig | None", folder: Path
) -> "Deployment":
    from edge.bundle import open_bundle
    from edge.camera import needs as camera_needs
    from edge.deploy import runtime_wheel, wheelhouse
    from edge.deploy.push.deployment import Deployment, check_service, extras
    from edge.deploy.push.runtime import Wheels
    from edge.slots.release import Service

    if arguments.wheelhouse is not None:
        wheelhouse.check(arguments.wheelhouse)
    bundle = open_bundle(arguments.bundle)
    needs = extras(bundle)
    if not arguments.no_service:
        check_service(bundle)
        if config is not None:
            needs = tuple(sorted({*needs, *camera_needs.extras(config)}))
    wheels = Wheels(runtime_wheel.build(folder), needs, arguments.wheelhouse, arguments.csi)
    wheels.check()
    service = Service(
        enabled=not arguments.no_service,
        memory_mb=arguments.memory,
        cpu_percent=arguments.cpu,
        watchdog_s=arguments.watchdog,
    )
    return Deployment(
        bundle,
        bundle.root,
        wheels,
        service,
        ("--quiet", *camera),
        arguments.source,
        arguments.max_latency,
        arguments.keep,
    )


def _milliseconds(text: str) -> float:
    """Parse a time of more than 0 ms. Not a number would compare as no limit at all."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of milliseconds above 0, got {text!r}")
    return found


def _failures(text: str) -> int:
    """Parse a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, got {text!r}")
    return int(text)


def _reporter(host: "Host", several: bool) -> Callable[[str], None]:
    before = f"{host.name}: " if several else ""
    return lambda line: print(f"{before}{line}", file=sys.stderr, flush=True)


def _line(answer: dict[str, Any]) -> str:
    measured = answer["measured"]
    version = f" version {answer['version']}" if answer["version"] is not None else ""
    started = f", service up in {answer['started_s']:g} s" if answer["started_s"] is not None else ""
    changed = answer["previous"] not in (None, answer["release"])
    before = f", before it {answer['previous']}" if changed else ""
    return (
        f"{answer['host']}: {answer['bundle']}{version} is in use as release {answer['release']}: golden output right, "
        f"{measured['median_ms']:g} ms on {measured['backend']}{started}{before}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
