"""Basic and Digest authentication, against the examples of their standards."""

import pytest

from edge.errors import FileError
from edge.sources.http_auth import Login

MUFASA = Login("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def challenge(algorithm):
    return (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"'
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_section_3_9_1(algorithm, response):
    header = MUFASA.answer([challenge(algorithm)], "GET", "/dir/index.html", CNONCE)
    for field in (f'response="{response}"', f'opaque="{OPAQUE}"', 'username="Mufasa"', "qop=auth", "nc=00000001"):
        assert field in header


def test_the_example_of_rfc_2069_as_corrected_by_its_errata():
    said = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    header = Login("Mufasa", "CircleOfLife").answer([said], "GET", "/dir/index.html")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "qop" not in header


def test_the_example_of_rfc_7617():
    assert Login("Aladdin", "open sesame").answer(["Basic realm=x"], "GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_the_strongest_is_taken():
    header = MUFASA.answer(["Basic realm=x", challenge("MD5"), challenge("SHA-256")], "GET", "/")
    assert "algorithm=SHA-256" in header


@pytest.mark.parametrize("challenges", [[], ["Bearer"], ['Digest realm="x"'], ['Digest algorithm=SHA-512, nonce="a"']])
def test_what_is_not_known_is_one_line(challenges):
    with pytest.raises(FileError, match="must take Basic or Digest"):
        MUFASA.answer(challenges, "GET", "/")


def test_the_password_is_not_in_its_text():
    assert "Circle" not in repr(MUFASA)
