"""The camera app: a configuration, from the command line or ``camera.toml``, and the loop that it describes.

config = build(read(path), failure(path))
with open_camera(config) as camera:
    camera.run()
"""
