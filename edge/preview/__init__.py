"""The web preview: one page with live video, results and settings. ``edge.sinks.preview`` is the sink in front of it.

``docs/preview.md`` describes the page and its HTTP interface.
"""
