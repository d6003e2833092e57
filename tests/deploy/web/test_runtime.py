"""LiteRT.js is taken from a folder or fetched once, and only with the digest that is known."""

import os
import tarfile

import pytest

from edge.deploy.web import runtime
from edge.deploy.web.runtime import NAMES, check_digest, runtime_files
from edge.errors import FileError, InputError
from tests.deploy.web.apps import real_runtime, without_runtime


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def npm(folder, monkeypatch, script):
    """Put a command npm of our own before all others."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("place", [".", "package", "node_modules/@litertjs/core"])
def test_the_package_is_found_where_people_unpack_it(tmp_path, place):
    without_runtime(tmp_path / place)
    found = runtime_files(tmp_path)
    assert set(found) == set(NAMES)
    assert all(path.is_file() for path in found.values())


def test_another_version_is_refused(tmp_path):
    without_runtime(tmp_path)
    stated = tmp_path / "package.json"
    stated.write_text(stated.read_text().replace(runtime.VERSION, "3.0.0"))
    with pytest.raises(InputError, match=r"must be @litertjs/core 2.5.3, unpacked, .* is @litertjs/core 3.0.0"):
        runtime_files(tmp_path)
    stated.write_text("nothing")
    with pytest.raises(FileError, match="cannot be read"):
        runtime_files(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    without_runtime(tmp_path)
    (tmp_path / "wasm" / NAMES[0]).unlink()
    with pytest.raises(FileError, match=NAMES[0]):
        runtime_files(tmp_path)


def test_without_npm_it_says_what_to_do(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileError, match=r"npm is not installed to fetch it: install Node.js, or give --runtime DIR"):
        runtime_files()


def test_what_npm_says_is_handed_on(cache, monkeypatch, tmp_path):
    npm(tmp_path / "bin", monkeypatch, "echo 'no network today' >&2; exit 1")
    with pytest.raises(FileError, match="no network today; give --runtime DIR"):
        runtime_files()
    assert not cache.exists()


def test_another_archive_is_not_used(cache, monkeypatch, tmp_path):
    archive = tmp_path / "litert.tgz"
    with tarfile.open(archive, "w:gz") as members:
        members.add(without_runtime(tmp_path / "package"), "package")
    npm(tmp_path / "bin", monkeypatch, f'cp {archive} "$4"')
    with pytest.raises(FileError, match=r"must have the SHA-512 digest PlGmbMOq9Wit…, got .*; it is not used"):
        runtime_files()
    assert not cache.exists()


def test_only_the_known_members_are_unpacked(tmp_path):
    """A member that leaves the folder, a link and other files are passed over."""
    package, archive = without_runtime(tmp_path / "package"), tmp_path / "litert.tgz"
    with tarfile.open(archive, "w:gz") as members:
        members.add(package, "package")
        members.add(package / "package.json", "../../outside.json")
        members.add(package / "package.json", "package/wasm/other.js")
        link = tarfile.TarInfo("package/wasm/litert_wasm_internal.js")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        members.addfile(link)
    (tmp_path / "in").mkdir()
    runtime._unpack(archive, tmp_path / "in" / "out")
    there = {
        path.relative_to(tmp_path / "in" / "out").as_posix() for path in (tmp_path / "in").rglob("*") if path.is_file()
    }
    assert there == {"package.json", *(f"wasm/{name}" for name in NAMES)}


@pytest.mark.slow
def test_the_real_package_has_the_digest_and_is_fetched_once(cache, monkeypatch):
    real_runtime()
    kept = runtime.cache()
    assert {path.name for path in (kept / "wasm").iterdir()} == set(NAMES)
    monkeypatch.setenv("PATH", "")
    assert runtime_files()[NAMES[0]].parent == kept / "wasm"


def test_a_digest_is_compared(tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(b"x")
    with pytest.raises(FileError, match="it is not used"):
        check_digest(path)
