"""``Selection`` keeps the predictions and poses that the control's score threshold and labels let through."""

from dataclasses import replace

from edge.control import Control
from edge.frames import Frame
from edge.results import Result


class Selection:
    """A stage that reads the settings at every frame, so that a change takes effect at once.

    It only removes: predictions below the network's own threshold come when the threshold of its decoder is lowered.
    """

    def __init__(self, control: Control) -> None:
        """Keep the control with the settings."""
        self._control = control

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with what is kept. Poses have no labels, so only the score decides for them."""
        settings = self._control.settings
        least, labels = settings.score_threshold, settings.labels
        if least is None and labels is None:
            return result
        predictions = tuple(
            one for one in result.predictions if _reaches(one.score, least) and (labels is None or one.label in labels)
        )
        poses = tuple(one for one in result.poses if _reaches(one.score, least))
        if len(predictions) == len(result.predictions) and len(poses) == len(result.poses):
            return result
        return replace(result, predictions=predictions, poses=poses)


def _reaches(score: float, threshold: float | None) -> bool:
    return threshold is None or score >= threshold
