"""``python -m tools.arm64`` runs the device's tests on emulated ARM processors: make test-arm64."""
