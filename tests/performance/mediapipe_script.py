"""Classifies every frame of a clip with MediaPipe Tasks in VIDEO mode, in an environment with ``mediapipe``.

    python mediapipe_script.py MODEL CLIP ROUNDS

It prints the best milliseconds per frame of its rounds. Each frame is decoded, converted to RGB and classified.
"""

import sys
import time

import cv2
import mediapipe
from mediapipe.tasks.python import vision


def run(model: str, clip: str) -> float:
    options = vision.ImageClassifierOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
        max_results=1,
    )
    capture = cv2.VideoCapture(clip)
    with vision.ImageClassifier.create_from_options(options) as task:
        count, start = 0, time.perf_counter()
        while True:
            ok, image = capture.read()
            if not ok:
                return (time.perf_counter() - start) / count * 1e3
            rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            task.classify_for_video(mediapipe.Image(mediapipe.ImageFormat.SRGB, rgb), count * 33)
            count += 1


if __name__ == "__main__":
    print(min(run(*sys.argv[1:3]) for _ in range(int(sys.argv[3]))))
