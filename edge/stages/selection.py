"""``Selection`` keeps the predictions and poses that the control's score threshold and labels let through."""

from dataclasses import replace

from edge.control import Control
from edge.frames import Frame
from edge.results import Pose, Prediction, Result


class Selection:
    """A stage that reads the settings at every frame, so that a change takes effect at once.

    It only removes: predictions below the network's own threshold come when the threshold of its decoder is lowered.
    """

    def __init__(self, control: Control, own_threshold: float | None = None) -> None:
        """Keep the control with the settings.

        Args:
            control: the settings.
            own_threshold: the least score while the settings state none. None keeps every score.
        """
        self._control, self._own_threshold = control, own_threshold

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with what is kept. Poses have no labels, so only the score decides for them.

        What belongs to a track keeps it whatever its score is: a tracker goes on with lower scores than it begins with.
        """
        settings = self._control.settings
        least, labels = settings.score_threshold, settings.labels
        least = self._own_threshold if least is None else least
        if least is None and labels is None:
            return result
        predictions = tuple(
            one for one in result.predictions if _reaches(one, least) and (labels is None or one.label in labels)
        )
        poses = tuple(one for one in result.poses if _reaches(one, least))
        if len(predictions) == len(result.predictions) and len(poses) == len(result.poses):
            return result
        return replace(result, predictions=predictions, poses=poses)


def _reaches(one: Prediction | Pose, threshold: float | None) -> bool:
    return threshold is None or one.id is not None or one.score >= threshold
