"""``extras`` tells which extras of this distribution a configuration needs, so that a deploy can install them."""

from edge.backends import BACKENDS
from edge.camera.config import CameraConfig
from edge.sinks import SINKS


def extras(config: CameraConfig) -> set[str]:
    """Return the extras that outputs, tracker and backend of a configuration need.

    Args:
        config: the configuration.
    """
    rows = [SINKS[sink.kind] for sink in config.sink if sink.kind in SINKS]
    if config.model.backend in BACKENDS:
        rows.append(BACKENDS[config.model.backend])
    found = {row.extra for row in rows if row.extra is not None}
    return found | ({"track"} if config.track is not None else set())
