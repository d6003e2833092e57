"""Pipes, sockets and devices that are named as files are refused in one line, and nothing waits for them."""

import os
import socket
from pathlib import Path

import pytest

from edge.errors import FileError
from edge.sources import open_source
from edge.sources.images import load_image


@pytest.mark.parametrize("suffix", [".jpg", ".mp4"])
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_what_is_no_regular_file_is_refused(tmp_path, monkeypatch, suffix, kind):
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 107 bytes
    path = f"special{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        os.symlink("/dev/zero", path)
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
    with pytest.raises(FileError, match=f"must be a regular file, got a {kind}") as error:
        open_source(path)
    assert "\n" not in str(error.value)
    with pytest.raises(FileError, match=f"got a {kind}"):
        load_image(Path(path))
