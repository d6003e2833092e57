"""Certificates for a server in the local network: an authority of the user's own, and a certificate for this machine.

A browser gives a camera only to pages over HTTPS, and nobody else certifies an address in a home network. The authority
is made once. A phone that installs its certificate trusts this machine, and can keep the app for use without a network.
The authority can only certify names and addresses of local networks (RFC 5280, section 4.2.1.10), so that a stolen key
is of no use for other sites.
"""

import datetime
import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import files
from edge.errors import FileError, MissingExtra

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

LOCAL_NETWORKS = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fe80::/10", "fc00::/7",
)  # fmt: skip
AUTHORITY_DAYS, SERVER_DAYS, RENEWED_DAYS = 3650, 397, 30
"""Phones refuse server certificates for more than 398 days. One that ends within 30 days is made again."""


@dataclass(frozen=True)
class Certificates:
    """The files of a server.

    Attributes:
        authority: the authority's certificate, which phones may install.
        certificate: the server's certificate.
        key: the server's private key.
    """

    authority: Path
    certificate: Path
    key: Path


def folder() -> Path:
    """Return the folder in the user's configuration where the certificates are kept."""
    root = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return root / "edgekit" / "web"


def local_addresses() -> list[str]:
    """Return this machine's own addresses in its networks, IPv4 first, without loopback."""
    found: list[str] = []
    for family, anywhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((anywhere, 9))  # sends nothing: the system only looks for a route
                found.append(str(probe.getsockname()[0]).split("%")[0])
        except OSError:
            continue
    return [one for one in found if not ipaddress.ip_address(one).is_loopback]


def certificates(where: Path | None = None, addresses: Sequence[str] | None = None) -> Certificates:
    """Return a server's files. The authority is made once, the certificate when the addresses change or it ends.

    Args:
        where: the folder to keep them in. None takes ``folder()``.
        addresses: of this machine besides loopback. None takes ``local_addresses()``.

    Raises:
        MissingExtra: the package cryptography is not installed.
        FileError: the folder cannot be written, or a file in it is damaged.
    """
    where = where or folder()
    found = Certificates(where / "authority.crt", where / "server.crt", where / "server.key")
    names = _names(local_addresses() if addresses is None else addresses)
    try:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority, key = _authority(where)
        if not _is_good(found, names, authority):
            _make_server(found, names, authority, key)
    except ImportError as error:
        raise MissingExtra("HTTPS needs the package cryptography: pip install 'edgekit[deploy]'") from error
    except ValueError as error:
        raise FileError(f"the certificates in {where} are damaged: {error}; remove the folder") from error
    return found


def _names(addresses: Sequence[str]) -> list[str]:
    host = socket.gethostname().split(".")[0].lower()
    own = [f"{host}.local"] if host.replace("-", "").isalnum() and host.isascii() else []
    return sorted({"localhost", "127.0.0.1", "::1", *own, *(one for one in addresses if _is_local(one))})


def _is_local(address: str) -> bool:
    found = ipaddress.ip_address(address)
    networks = map(ipaddress.ip_network, LOCAL_NETWORKS)
    return any(found in network for network in networks if network.version == found.version)


def _authority(where: Path) -> "tuple[x509.Certificate, ec.EllipticCurvePrivateKey]":
    """Return the authority's certificate and key, which are made where there are none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate, key_file = where / "authority.crt", where / "authority.key"
    if certificate.is_file() and key_file.is_file():
        loaded = load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(certificate.read_bytes()), loaded
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"EdgeKit on {socket.gethostname()}"[:64])
    local = [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
    names = [x509.DNSName(one) for one in ("localhost", "local")]
    builder = _builder(name, name, key.public_key(), AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(x509.NameConstraints([*names, *local], None), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = _signed(builder.add_extension(identifier, critical=False), key)
    _write_key(key_file, key)
    _write_private(certificate, _pem(made))
    return made, key


def _make_server(
    found: Certificates,
    names: Sequence[str],
    authority: "x509.Certificate",
    authority_key: "ec.EllipticCurvePrivateKey",
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name("EdgeKit"), authority.subject, key.public_key(), SERVER_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    made = _signed(builder.add_extension(issuer, critical=False), authority_key)
    _write_key(found.key, key)
    _write_private(found.certificate, _pem(made))


def _is_good(found: Certificates, names: Sequence[str], authority: "x509.Certificate") -> bool:
    from cryptography import x509

    if not found.certificate.is_file() or not found.key.is_file():
        return False
    known = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    stated = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = known.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    return (
        known.issuer == authority.subject
        and sorted(str(name.value) for name in stated) == sorted(names)
        and lasts > datetime.timedelta(days=RENEWED_DAYS)
    )


def _builder(subject: Any, issuer: Any, public_key: Any, days: int) -> Any:
    from cryptography import x509

    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    return builder.not_valid_after(now + datetime.timedelta(days=days - 1))


def _signed(builder: Any, key: Any) -> "x509.Certificate":
    from cryptography.hazmat.primitives import hashes

    made: x509.Certificate = builder.sign(key, hashes.SHA256())
    return made


def _usage(**allowed: bool) -> Any:
    from cryptography import x509

    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in every})


def _name(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _write_key(path: Path, key: Any) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only the user can read."""
    with files.replaced(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
