"""The sink ``preview`` shows the loop on a web page: live video, results and settings. See ``docs/preview.md``."""

import secrets

from edge.preview.access import Access
from edge.preview.address import Hosts, listen, parse, reachable, url
from edge.preview.app import Application
from edge.preview.feed import Feed
from edge.preview.options import PreviewOptions, checked_token
from edge.preview.server import Server
from edge.reports import Report, to_stderr
from edge.secret import reveal
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event


class Preview(Sink):
    """Serves the page until it is closed.

    Attributes:
        url: the address of the page, without the token.
    """

    name = "preview"
    lossless = False
    on_error: OnError = "retry"
    Options = PreviewOptions

    def __init__(
        self, target: str, context: Context, options: PreviewOptions | None = None, report: Report = to_stderr
    ) -> None:
        """Open the port, start the server and report the address of the page.

        Args:
            target: ``HOST:PORT``. Empty is 127.0.0.1:8080. Another host than this machine makes a token necessary.
            context: what the page shows and changes.
            options: the other options.
            report: takes the line with the address, and one line for each error.

        Raises:
            InputError: the address or the token is not allowed, or the port is taken.
        """
        options = options or PreviewOptions()
        address = parse(target)
        given = checked_token(reveal(options.token)) if options.token else ""
        token = given or ("" if address.is_loopback else secrets.token_urlsafe(24))
        opened = listen(address)
        bound, port = opened.getsockname()[:2]
        self.url = url(reachable(address), port)
        self._feed = Feed(context.sources, options, report)
        hosts = Hosts(address, (*options.names, bound))
        app = Access(Application(context, self._feed).app(), hosts, token, port, report)
        self._server = Server(app, opened, self._feed.end, report)
        report(f"preview: {self.url}" + _how_to_sign_in(token, given))

    @property
    def viewers(self) -> int:
        """The number of browsers that watch the video now."""
        return self._feed.count("video")

    def emit(self, event: Event) -> None:
        """See Sink."""
        self._feed.emit(event)

    def close(self) -> None:
        """See Sink."""
        self._server.close()
        self._feed.close()


def _how_to_sign_in(token: str, given: str) -> str:
    """Return the rest of the line with the address. A token that was given is not shown."""
    if given:
        return " (open it with ?token= and the token that was given)"
    return f"?token={token}" if token else ""
