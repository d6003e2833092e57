"""edge-camera: run a model on a camera, a video, a stream or images, and show the results."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from edge.cli import _camera_mapping, _camera_options, _main, _signals

if TYPE_CHECKING:
    from edge.camera.config import CameraConfig
    from edge.cli._supervised import Supervised

READ_SECONDS = 1.0
"""The time that reads of cameras and streams may still take at the end. Live ones return within a frame."""

EPILOG = """\
examples:
  edge-camera --model net.edge                                          the first camera, until Ctrl-C
  edge-camera --model net.edge --source photos/ --jsonl results.jsonl
  edge-camera --model net.edge --source clip.mp4 --record seen.avi --quiet
  edge-camera --model yolo.onnx --labels coco.txt --source cat.jpg --snapshot seen.png --score-threshold 0.5
  edge-camera --model net.edge --source synthetic --max-frames 50        without a camera: drawn frames
  edge-camera --model net.edge --source door=0 --source 'yard=rtsp://me:${PASSWORD}@10.0.0.2/stream'
  edge-camera --model net.edge --source 0 --rotate 180 --print-config > camera.toml
  edge-camera --config camera.toml

Cameras and streams: the newest frame is processed, and older ones that wait are dropped. After an error the source
is opened again. The loop runs until --max-frames, Ctrl-C (exit code 130), SIGTERM or the end of its terminal
(0). A camera that cannot be opened at the start is an error (exit code 2); a stream is tried again.
Files and folders: every frame is processed, in order, and the loop ends after the last one.
Output files are complete however the loop ends. A file that cannot be written ends the loop; a terminal that is slow
or closed does not. The summary counts separately: frames that a newer one replaced (dropped), frames that were not
processed on purpose (skipped), and results that a slow output did not take (lost)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-camera`` and return the exit code."""
    if argv is not None:
        return _main.run(parser(), _camera, argv)
    gc.disable()  # only as a process of its own: collecting the objects of the imports would take 20 ms
    return _ended(_main.run(parser(), _camera))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(
        prog="edge-camera", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    _camera_options.add(parser)
    return parser


def _camera(arguments: argparse.Namespace) -> int:
    from edge.camera.assembly import open_camera, uses_stdout

    config = _config(arguments)
    if arguments.print_config:
        return _print_config(config)
    talk = sys.stderr if uses_stdout(config) else sys.stdout
    supervised = _supervised() if "NOTIFY_SOCKET" in os.environ else None
    with ExitStack() as open_things:
        camera = open_things.enter_context(open_camera(config, supervised.beat if supervised else None))
        network, sources = camera.network, ", ".join(source.name for source in camera.sources)
        print(f"{network.name} on {network.backend}, {network.threads} thread(s), source {sources}", file=talk)
        for note in [*camera.notes, *(camera.passed_over() if arguments.verbose else [])]:
            print(note, file=talk)
        _collect_garbage()
        if supervised is not None:
            open_things.callback(supervised.stopping)
            supervised.ready(camera.loop.stats)
        with _signals.stopping(camera.stop) as received:
            stats = camera.run()
    print(stats.line(), file=talk)
    lost = {source.name: source.lost_frames for source in camera.sources if getattr(source, "lost_frames", 0)}
    chosen = {"model": network.name, "backend": network.backend, "threads": network.threads, "source": sources}
    _main.write_json(arguments.json, {**chosen, **stats.as_json(), "lost_frames": lost})
    if signal.SIGINT in received:
        return _main.INTERRUPTED
    # A recording that is not whole fails; a folder's damaged pictures are named and left out.
    cut = any(source.name in lost and source.fps is not None for source in camera.sources)
    return _main.FAILED if cut else _main.DONE


def _config(arguments: argparse.Namespace) -> "CameraConfig":
    """Return the configuration of the file, if one is named, with the options of the command line."""
    from edge.camera.mappings import build

    stated, sets = _camera_mapping.mapping(arguments), arguments.set
    if arguments.config is None:
        return build(_camera_mapping.with_sets(stated, sets))
    from edge.camera.toml_file import failure, read

    content = read(arguments.config)
    # What is wrong in the file is said with its line, also when the model is stated beside it.
    build({"model": "model", **content}, failure(arguments.config))
    found = _camera_mapping.with_sets(_camera_mapping.merged(content, stated), sets)
    return build(found, None if stated or sets else failure(arguments.config))


def _print_config(config: "CameraConfig") -> int:
    from edge.camera.mappings import as_mapping
    from edge.camera.shown import without_secrets
    from edge.camera.toml_text import dumps

    shown, variables = without_secrets(as_mapping(config))
    for variable in variables:
        print(f"# a password was written here; set it in the environment as {variable}, or name a file: ${{file:PATH}}")
    print(dumps(shown), end="")
    return _main.DONE


def _supervised() -> "Supervised | None":
    from edge.cli import _supervised  # only a service has a manager

    return _supervised.by_manager()


def _ended(code: int) -> int:
    """Return the exit code, or end the process with it at once when a device's read does not return."""
    reading = sys.modules.get("edge.sources.reading")  # only cameras and streams have such threads
    if reading is not None and reading.still_reading(READ_SECONDS):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


def _collect_garbage() -> None:
    """Let Python collect garbage again, without what the start has made."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    raise SystemExit(main())
