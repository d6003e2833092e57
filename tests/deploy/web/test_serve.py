"""The app's server: only the app's files, only to visitors with the token, compressed where the browser takes it."""

import contextlib
import gzip
import http.client
import socket
import ssl
import threading

import pytest

from edge.deploy.web.certificates import certificates
from edge.deploy.web.export import WebOptions, export
from edge.deploy.web.serve import HEADERS, MOST_CONNECTIONS, WebServer, is_loopback
from edge.errors import InputError
from tests.deploy.web.apps import BUNDLES, without_runtime
from tests.deploy.web.browser import served


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    runtime = without_runtime(folder / "litert")
    export(BUNDLES["classify"], folder / "app", WebOptions(runtime=runtime))
    (folder / "secret.txt").write_text("secret")
    (folder / "app" / "link.txt").symlink_to(folder / "secret.txt")
    return folder / "app"


def ask(server, path="/", method="GET", context=None, **headers):
    """Return status, headers and content of one request."""
    place = ("127.0.0.1", server.server_address[1])
    connection = (
        http.client.HTTPSConnection(*place, timeout=10, context=context)
        if context
        else http.client.HTTPConnection(*place, timeout=10)
    )
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def test_the_page_has_the_headers_that_keep_it_apart(app):
    with served(app) as server:
        status, headers, content = ask(server)
    assert status == 200
    assert content == (app / "index.html").read_bytes()
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Python" not in headers["Server"]


def test_the_policies_of_server_and_page_agree(app):
    policy = HEADERS["Content-Security-Policy"].removesuffix("; frame-ancestors 'none'")
    assert policy in (app / "index.html").read_text()


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/..%2fsecret.txt", "//etc/passwd", "/js/../../secret.txt", "/js", "/js/", "/link.txt",
     "/model.json.gz", "/nothing", "/%00", "/index.html/"],
)  # fmt: skip
def test_nothing_but_the_apps_files_is_served(app, path):
    with served(app) as server:
        status, headers, content = ask(server, path)
    assert (status, content) == (404, b"not found\n")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_is_sent_compressed_once_and_then_not_at_all(app):
    with served(app) as server:
        status, headers, content = ask(server, "/runtime/litert_wasm_internal.wasm", **{"Accept-Encoding": "gzip, br"})
        assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", "application/wasm")
        plain = ask(server, "/runtime/litert_wasm_internal.wasm")
        assert gzip.decompress(content) == plain[2]
        assert "Content-Encoding" not in plain[1]
        again = ask(server, "/runtime/litert_wasm_internal.wasm", **{"If-None-Match": headers["ETag"]})
        assert (again[0], again[2]) == (304, b"")
        head = ask(server, "/model.json", method="HEAD")
        assert (head[0], head[2]) == (200, b"")
        assert int(head[1]["Content-Length"]) == (app / "model.json").stat().st_size
        assert ask(server, "/model.json", method="POST")[0] == 501


def test_a_visitor_without_the_token_sees_nothing(app):
    with served(app, token="right") as server:
        for path in (
            "/",
            "/model.json",
            "/sw.js",
            "/?token=wrong",
            "/model.json?token=right",
            "/?token=",
            "/%3ftoken=right",
        ):
            status, _, content = ask(server, path)
            assert status == 403, path
            assert b"QR code" in content
        status, headers, _ = ask(server, "/?token=right")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie  # noqa: PT018
        assert ask(server, "/model.json", Cookie=cookie.split(";")[0])[0] == 200
        assert ask(server, "/model.json", Cookie="edgekit_token=wrong")[0] == 403
        assert ask(server, "/model.json", Cookie="\x01;;=")[0] == 403


def test_a_host_that_others_reach_needs_https_and_a_token(app, tmp_path):
    with pytest.raises(InputError, match="only to pages over HTTPS"):
        WebServer(app, "0.0.0.0")
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")  # noqa: PT018
    assert not is_loopback("192.168.1.5") and not is_loopback("0.0.0.0")  # noqa: PT018


def test_https_is_certified_by_the_authority_that_the_server_offers(app, tmp_path):
    made = certificates(tmp_path / "certificates", ["192.168.7.8"])
    with served(app, certificates=made) as server:
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        status, headers, authority = ask(server, "/ca.crt", context=unchecked)
        assert (status, headers["Content-Type"]) == (200, "application/x-x509-ca-cert")
        trusting = ssl.create_default_context(cadata=authority.decode())
        assert ask(server, context=trusting)[0] == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, context=ssl.create_default_context())
        assert server.urls == [f"https://localhost:{server.server_address[1]}/"]


def test_the_authority_is_offered_without_the_token(app, tmp_path):
    made = certificates(tmp_path / "certificates", [])
    with served(app, certificates=made, token="right") as server:
        trusting = ssl.create_default_context(cafile=str(made.authority))
        assert ask(server, "/ca.crt", context=trusting)[2] == made.authority.read_bytes()
        assert ask(server, "/", context=trusting)[0] == 403
        assert "Secure" in ask(server, "/?token=right", context=trusting)[1]["Set-Cookie"]
        assert server.urls == [f"https://localhost:{server.server_address[1]}/?token=right"]


def test_visitors_that_say_nothing_keep_nobody_waiting(app, tmp_path):
    """Half of the places are held open before the handshake; others are answered all the same."""
    made = certificates(tmp_path / "certificates", [])
    trusting = ssl.create_default_context(cafile=str(made.authority))
    with served(app, certificates=made) as server, contextlib.ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS // 2):
            stack.enter_context(socket.create_connection(server.server_address[:2]))
        assert ask(server, context=trusting)[0] == 200


def test_at_most_so_many_visitors_have_a_thread(app):
    with served(app) as server, contextlib.ExitStack() as stack:
        before = threading.active_count()
        for _ in range(2 * MOST_CONNECTIONS):
            stack.enter_context(socket.create_connection(server.server_address[:2]))
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(server)
        assert threading.active_count() - before <= MOST_CONNECTIONS


def test_what_is_no_app_is_refused(tmp_path):
    with pytest.raises(InputError, match="it is neither"):
        WebServer(tmp_path)


def test_a_port_that_is_taken_is_said(app):
    with (
        WebServer(app) as server,
        pytest.raises(InputError, match=r"cannot listen on 127\.0\.0\.1 port .* give another --port"),
    ):
        WebServer(app, port=server.server_address[1])
    with pytest.raises(InputError, match="port 70000"):
        WebServer(app, port=70000)
