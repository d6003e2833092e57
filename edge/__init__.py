"""EdgeKit: from a Keras network to a camera loop on a small computer, every step proven.

    net = edge.load("net.edge")
    result = net(image)

Importing this package imports no framework; each part is imported where it is used.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.session import Session

__version__ = "0.1.0"


def load(path: str | Path, **options: Any) -> "Session":
    """Open a bundle or a model file; the returned network takes a picture or arrays and returns a ``Result``.

    Args:
        path: a bundle (folder or ``.edge`` file), or a .tflite or .onnx file.
        options: fields of ``edge.session.SessionOptions``, such as ``backend``, ``threads``, ``labels``; for a bare
            file also ``task``, ``decoder``, ``colour``, ``mean``, ``std`` and ``resize``; and task parameters such as
            ``parameters={"score_threshold": 0.5}``.

    Raises:
        FileError, InputError, MissingExtra: with one line that says what is wrong and what to do.
    """
    from edge.opening import open_session
    from edge.session import SessionOptions

    return open_session(path, SessionOptions(**options))
