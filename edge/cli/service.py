"""The service on a device: edge-camera on a release that edge-deploy put there.

The unit runs it as ``python -m edge.cli.service RELEASE``.
"""

import json
import sys
from pathlib import Path

from edge.cli import camera


def main(argv: list[str] | None = None) -> int:
    """Run ``edge-camera`` with the bundle and the options of a release, and return its exit code.

    The release is resolved once, so that a switch in the middle of the start does not mix two of them.
    """
    given = sys.argv[1:] if argv is None else argv
    if len(given) != 1:
        print("usage: python -m edge.cli.service RELEASE", file=sys.stderr)
        return 2
    release = Path(given[0]).resolve()
    try:
        found = json.loads((release / "service.json").read_text(encoding="utf-8"))["arguments"]
        arguments = [str(one) for one in found]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print(f"edge-camera: release {release.name} has no usable service.json: {error}; deploy again", file=sys.stderr)
        return 2
    sys.argv = ["edge-camera", *arguments, "--model", str(release / "bundle")]  # the last one counts
    return camera.main()


if __name__ == "__main__":
    raise SystemExit(main())
