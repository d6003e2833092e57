"""edge-deploy web: make a phone's web app of a bundle, and serve it in the local network."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import _main
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.deploy.web import WebOptions
    from edge.deploy.web.serve import WebServer

DESCRIPTION = """\
Make a phone's web app of a bundle: a folder of static files for any host with HTTPS. It runs the bundle's own model
file on the phone's camera, and works without a network after the first load."""

EXAMPLES = """\
examples:
  edge-deploy web net.edge --out app              write the app
  edge-deploy web app --serve                     look at it on this machine, http://localhost:8443
  edge-deploy web app --serve --host 0.0.0.0      show it to phones in the same network: scan the QR code"""

PORT = 8443


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "edge-deploy web", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=_main.Formatter
    )
    parser.add_argument("source", metavar="BUNDLE", type=Path, help="a bundle; with --serve also a web app")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write the app into this folder")
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        type=Path,
        help="folder of LiteRT.js, the npm package @litertjs/core, unpacked (default: fetched once with npm)",
    )
    parser.add_argument("--title", metavar="TEXT", help="name of the app (default: the network's)")
    parser.add_argument(
        "--precision",
        metavar="NAME",
        help="which of the bundle's files to run: int8, float16 or float32 (default: the first that it has)",
    )
    parser.add_argument("--serve", action="store_true", help="serve the app until interrupted")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all networks (default 127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"port to listen on, 0 for a free one (default {PORT})")
    parser.add_argument(
        "--https", action="store_true", help="speak HTTPS on 127.0.0.1, too; on other addresses it always does"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy web`` and return the exit code."""
    return _main.run(_parser(), _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.serve and arguments.out is None:
        raise InputError("expected --out DIR, or --serve to serve the app without keeping it")
    from edge.deploy.web import WebOptions
    from edge.deploy.web.export import is_app

    options = WebOptions(arguments.title, arguments.runtime, arguments.precision)
    if is_app(arguments.source):
        if arguments.out is not None or options != WebOptions():
            raise InputError(f"{arguments.source} is a web app already; --out and the options of the app need a bundle")
        _serve(arguments.source, arguments)
    elif arguments.out is not None:
        _export(arguments.source, arguments.out, options)
        if arguments.serve:
            _serve(arguments.out, arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="edge-web-") as scratch:
            _export(arguments.source, Path(scratch, "app"), options)
            _serve(Path(scratch, "app"), arguments)


def _export(bundle: Path, out: Path, options: "WebOptions") -> None:
    from edge.deploy.web import export

    made = export(bundle, out, options)
    print(
        f"{out}: web app with the {made.precision} file, {made.model_bytes / 1e6:.1f} MB; the first load transfers "
        f"{made.first_load_bytes / 1e6:.1f} MB besides it"
    )


def _serve(folder: Path, arguments: argparse.Namespace) -> None:
    from edge.deploy.web.certificates import certificates
    from edge.deploy.web.serve import WebServer, is_loopback, listed

    listed(folder)  # before a certificate is made
    secure = arguments.https or not is_loopback(arguments.host)
    with WebServer(folder, arguments.host, arguments.port, certificates() if secure else None) as server:
        try:
            _say(server)
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


def _say(server: "WebServer") -> None:
    """Print where the app is, for a phone as a QR code."""
    for url in server.urls:
        print(url, flush=True)
    if server.token is not None:
        print(_qr_code(server.urls[0]))
    if server.secure:
        print(
            "The browser warns of the certificate, which this machine made itself. For offline use, and to end the "
            "warning, install /ca.crt from this server on the phone as a certificate authority."
        )
    print("Ctrl-C stops it.", flush=True)


def _qr_code(text: str) -> str:
    import io

    from edge.errors import MissingExtra

    try:
        import segno
    except ImportError as error:
        raise MissingExtra("the QR code needs the package segno: pip install 'edgekit[deploy]'") from error
    drawn = io.StringIO()
    segno.make(text, micro=False).terminal(drawn, compact=True)
    return drawn.getvalue()
