"""``edge-deploy keygen`` and ``edge-deploy sign``: the keys of a fleet, and the signatures that its devices check."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge.cli import _main

KEYGEN = """\
Makes a pair of keys: NAME.key signs bundles and stays secret, NAME.pub goes to the devices. With a passphrase in
EDGE_KEY_PASSPHRASE the private key is encrypted, and edge-deploy sign reads the passphrase there."""

KEYGEN_EXAMPLE = """\
example:
  edge-deploy keygen --out fleet
  edge-deploy sign net.edge --key fleet.key --out signed.edge
  edge-deploy trust fleet.pub --to pi@raspberrypi.local                    (--signed-only refuses everything else)"""

SIGN = """\
Signs a bundle, a folder or a .edge file, with a version. A device that trusts the key refuses a changed manifest, and
a version below the highest that it has had."""

SIGN_EXAMPLE = """\
examples:
  edge-deploy sign net.edge --key fleet.key
  edge-deploy sign net --key fleet.key --version 7 --out net-signed"""


def keygen(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy keygen`` and return the exit code."""
    parser = _parser("edge-deploy keygen", KEYGEN, KEYGEN_EXAMPLE)
    parser.add_argument("--out", metavar="NAME", type=Path, required=True, help="write NAME.key and NAME.pub")
    parser.add_argument("--force", action="store_true", help="replace keys that exist; what they signed stays valid")
    _main.add_json(parser)
    return _main.run(parser, _keygen, argv)


def sign(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy sign`` and return the exit code."""
    parser = _parser("edge-deploy sign", SIGN, SIGN_EXAMPLE)
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="the bundle to sign")
    parser.add_argument("--key", metavar="FILE", type=Path, required=True, help="the private key, NAME.key of keygen")
    parser.add_argument(
        "--version",
        metavar="N",
        type=int,
        help="the version that devices compare (default: the time in milliseconds since 1970, which grows by itself)",
    )
    parser.add_argument("--out", metavar="PATH", type=Path, help="write the signed bundle to PATH (default: BUNDLE)")
    _main.add_json(parser)
    return _main.run(parser, _sign, argv)


def _parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=prog, description=description, epilog=epilog, formatter_class=_main.Formatter)


def _keygen(a: argparse.Namespace) -> None:
    from edge import trust
    from edge.deploy.signing_keys import make_keys

    made = make_keys(a.out, a.force)
    print(f"{made.private}: the private key, which only you can read; keep a copy of it in a safe place")
    print(f"{made.public}: the public key {made.key}, for the devices:")
    print(f"  edge-deploy trust {made.public} --to USER@HOST")
    print(f"or, on a device: sudo install -D -m 644 {made.public.name} {trust.USUAL}/{made.public.name}")
    content = {"private": str(made.private), "public": str(made.public), "key": made.key}
    _main.write_json(a.json, content)


def _sign(a: argparse.Namespace) -> None:
    from edge.deploy.signing_keys import sign_bundle

    out = a.out or a.bundle
    signed, key = sign_bundle(a.bundle, a.key, a.version, out)
    print(f"{out}: signed as version {signed.version} with key {key}")
    _main.write_json(a.json, {"bundle": str(out), "version": signed.version, "key": key})
