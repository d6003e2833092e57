"""Certificates for the local network: made once, kept private, of use for nothing else."""

import datetime
import stat

import pytest
from cryptography import x509

from edge.deploy.web.certificates import certificates, local_addresses
from edge.errors import FileError


def read(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path):
    found = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in found}


def test_they_are_made_once_and_only_the_user_reads_them(tmp_path):
    first = certificates(tmp_path / "web", ["192.168.1.5"])
    content = {path.name: path.read_bytes() for path in (tmp_path / "web").iterdir()}
    assert set(content) == {"authority.crt", "authority.key", "server.crt", "server.key"}
    for path in (tmp_path / "web").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "web").stat().st_mode) == 0o700
    assert certificates(tmp_path / "web", ["192.168.1.5"]) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "web").iterdir()} == content


def test_a_new_address_gets_a_new_certificate_of_the_same_authority(tmp_path):
    made = certificates(tmp_path, ["192.168.1.5"])
    authority, key = made.authority.read_bytes(), made.key.read_bytes()
    assert {"localhost", "127.0.0.1", "::1", "192.168.1.5"} <= names(made.certificate)
    certificates(tmp_path, ["192.168.1.6", "fd00::7"])
    assert {"192.168.1.6", "fd00::7"} <= names(made.certificate)
    assert "192.168.1.5" not in names(made.certificate)
    assert made.authority.read_bytes() == authority
    assert made.key.read_bytes() != key


def test_the_authority_can_certify_only_local_names(tmp_path):
    made = certificates(tmp_path, [])
    authority = read(made.authority)
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    allowed = {str(one.value) for one in limits.value.permitted_subtrees}
    assert {"localhost", "local", "192.168.0.0/16", "10.0.0.0/8"} <= allowed
    assert "0.0.0.0/0" not in allowed
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)


def test_an_address_of_the_internet_is_left_out(tmp_path):
    assert "93.184.216.34" not in names(certificates(tmp_path, ["93.184.216.34"]).certificate)


def test_phones_accept_how_long_it_lasts(tmp_path):
    made = read(certificates(tmp_path, []).certificate)
    assert made.not_valid_after_utc - made.not_valid_before_utc <= datetime.timedelta(days=398)


def test_damaged_files_are_said(tmp_path):
    made = certificates(tmp_path, [])
    made.certificate.write_text("nothing")
    with pytest.raises(FileError, match="are damaged"):
        certificates(tmp_path, [])


def test_this_machines_addresses_are_no_loopback():
    assert not [address for address in local_addresses() if address.startswith("127.")]
