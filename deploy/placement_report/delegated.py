"""``operations`` asks the TFLite interpreter what its delegate took, in a process of its own.

Some damaged files kill the process that loads them: LiteRT 2.3 reads beyond the buffers of a damaged LSTM. A report on
an unknown file must say so instead.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, InputError, MissingExtra


def operations(path: Path) -> list[dict[str, Any]]:
    """Return ``TFLiteModel.operations`` of a file, tensor numbers as integers.

    Raises:
        InputError: the interpreter refuses the file, or dies of it.
        MissingExtra: no TFLite interpreter is installed.
    """
    command = [sys.executable, "-m", __spec__.name, str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise InputError(
            f"the TFLite interpreter failed on {path}, which is probably damaged: {last[0][:200]}; convert it again"
        ) from error
    if "error" in answer:
        raise (MissingExtra if answer["missing"] else InputError)(answer["error"])
    found: list[dict[str, Any]] = answer["operations"]
    return found


def _answer(path: Path) -> dict[str, Any]:
    from edge.backends import open_model
    from edge.backends._tflite import TFLiteModel

    try:
        with open_model(path) as model:
            if not isinstance(model, TFLiteModel):
                raise InputError(f"{path} must be a .tflite file that a TFLite interpreter opens")
            rows = model.operations()
    except EdgeError as error:
        return {"error": str(error), "missing": isinstance(error, MissingExtra)}
    except ValueError as error:  # a name of an operation that is not UTF-8
        return {"error": f"{path} is a damaged .tflite file: {error}; get or convert it again", "missing": False}
    return {"operations": [_plain(row) for row in rows]}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: [int(tensor) for tensor in row[name]] for name in ("inputs", "outputs")}
    return {"index": int(row["index"]), "op_name": str(row["op_name"]), **numbers}


if __name__ == "__main__":
    print(json.dumps(_answer(Path(sys.argv[1]))))
