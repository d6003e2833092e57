"""Plug-ins as installations leave them: distributions with entry points in a folder on the path."""

import sys


def install(folder, monkeypatch, group, points):
    """Put a distribution on ``sys.path`` whose entry points of ``group`` are ``points``, "module:attribute" by name."""
    info = folder / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
