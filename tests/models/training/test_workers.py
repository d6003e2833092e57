"""Training by several processes on this machine, each a worker of TF_CONFIG."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.training.pictures import image_folder

ROOT = Path(__file__).parents[3]
OPTIONS = ["--input-size", "32", "--width", "0.25", "--epochs", "1", "--batch", "8", "--warmup", "0"]
LIMIT = 240
"""Seconds after which workers that wait for each other are ended."""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def start(index, ports, arguments):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    return subprocess.Popen(
        [sys.executable, "-m", "edge.cli.train", *arguments],
        cwd=ROOT,
        env={**os.environ, "TF_CONFIG": config, "CUDA_VISIBLE_DEVICES": "", "EDGE_DEBUG": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(workers):
    """Return what each worker said, once all are done; end those that are not in time."""
    try:
        return [worker.communicate(timeout=LIMIT)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_workers_train_one_network_in_mixed_precision(tmp_path, count):
    data, out = image_folder(tmp_path / "set", train=8, test=4), tmp_path / "run"
    arguments = ["resnet8", "--data", str(data), "--out", str(out), *OPTIONS]
    arguments += ["--strategy", "multiworker", "--mixed-precision"]
    ports = free_ports(count)
    workers = [start(index, ports, arguments) for index in range(count)]
    said = finished(workers)
    assert [worker.returncode for worker in workers] == [0] * count, said
    assert (out / "model.keras").is_file()
    assert len((out / "history.csv").read_text().splitlines()) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"set", "run"}
