"""What makes releases and pages of results, run from a checkout: ``python -m tools.chain``. It is not installed."""
