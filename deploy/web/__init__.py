"""A phone's web app of a bundle: a folder of static files that runs the bundle's own model file on the phone's camera.

``export`` writes the folder, ``serve.serve`` serves it in the local network. The decisions between pixels and labels
are those of the device, written again in JavaScript (``app/js``) and tested for equal results.
"""

from edge.deploy.web.export import WebOptions, export

__all__ = ["WebOptions", "export"]
