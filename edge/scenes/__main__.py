"""Write the drawn image set and a clip, or another drawn set: ``python -m edge.scenes --out DIR [--set NAME]``."""

import argparse
import sys
from pathlib import Path

from edge.errors import EdgeError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge.scenes", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="write images/ and clip.avi into this folder"
    )
    parser.add_argument(
        "--set", metavar="NAME", help="write this drawn set into the folder in its usual size, e.g. scenes:boxes"
    )
    parser.add_argument(
        "--train", type=int, default=400, metavar="N", help="number of training images of each class (default 400)"
    )
    parser.add_argument(
        "--test", type=int, default=100, metavar="N", help="number of test images of each class (default 100)"
    )
    parser.add_argument(
        "--size", type=int, default=64, metavar="PIXELS", help="width and height of an image (default 64)"
    )
    parser.add_argument(
        "--frames", type=int, default=240, metavar="N", help="number of frames of the 1280x720 clip (default 240)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed for drawing the set and the clip (default 0)")
    return parser


def _write(arguments: argparse.Namespace) -> None:
    from edge.scenes import CLASSES, draw_set, write_clip, write_dataset

    if arguments.set:
        draw_set(arguments.set, arguments.out)
        print(f"{arguments.out}: the set {arguments.set}")
        return
    write_dataset(arguments.out / "images", arguments.train, arguments.test, arguments.size, arguments.seed)
    total = len(CLASSES) * (arguments.train + arguments.test)
    print(f"{arguments.out / 'images'}: {total} images of {arguments.size}x{arguments.size}, {len(CLASSES)} classes")
    if arguments.frames > 0:
        write_clip(arguments.out / "clip.avi", arguments.frames, seed=arguments.seed)
        print(f"{arguments.out / 'clip.avi'}: {arguments.frames} frames of 1280x720")


def main() -> int:
    """Run the command and return its exit code. An error is one line on stderr."""
    parser = _parser()
    try:
        _write(parser.parse_args())
    except (EdgeError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
