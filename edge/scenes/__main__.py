"""Write the drawn image set and a clip, or another drawn set: ``python -m edge.scenes --out DIR [--set NAME]``."""

import argparse
import sys
from pathlib import Path

from edge.errors import EdgeError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge.scenes", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write (images/, clip.avi)")
    parser.add_argument(
        "--set", metavar="NAME", help="write this set into DIR in its usual size instead, e.g. scenes:boxes"
    )
    parser.add_argument("--train", type=int, default=400, metavar="N", help="training images per class (default 400)")
    parser.add_argument("--test", type=int, default=100, metavar="N", help="test images per class (default 100)")
    parser.add_argument("--size", type=int, default=64, metavar="PIXELS", help="side of an image (default 64)")
    parser.add_argument("--frames", type=int, default=240, metavar="N", help="frames of the clip (default 240)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another set (default 0)")
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
    """Return the exit code; what cannot be written is one line on stderr."""
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
