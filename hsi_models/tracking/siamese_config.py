"""How the response of a Siamese network becomes a box, and how sure it is: one configuration for all such trackers."""
from __future__ import annotations

from dataclasses import dataclass, field

from hsi_models.tracking.confidence import ScoreModel
from hsi_models.tracking.template_update import TemplateUpdateConfig


def siamese_score() -> ScoreModel:
    """From cues to confidence, fitted on the validation part of the benchmark (NanoTrack v3, alone and in the fusion).

    A softmax response is all but zero beside a peak that is sure of itself: its peak-to-sidelobe ratio is in the
    hundreds and thousands on the target, below ten elsewhere, and tells most; the height of the peak tells little.
    """
    return ScoreModel(bias=3.5, peak=0.5, psr=1.25, angle=-0.55, jump=-0.1, contrast=1.4, typical_psr=200.0)


@dataclass(frozen=True)
class SiameseConfig:
    """How a response becomes a box (Li et al., SiamRPN, CVPR 2018, section 4.3); defaults as NanoTrack v3 was tuned.

    Args:
        penalty: strength k of the penalty on changes of size and aspect, exp(-k (r s - 1)).
        window: share of the cosine window in the score that chooses the cell, 0..1.
        learning_rate: of the size, times penalty and score of the chosen cell, 0..1.
        minimum_px: smallest side of a box.
        sidelobe_share: half side of the square around the peak that is no sidelobe, share of the map's side.
        score: from cues to confidence.
        update: when the template is renewed; None: never.
        first_size: correct the size of every answer by what the network makes of the first frame's own box, which is
            known: a network that sees targets a tenth too large otherwise grows from frame to frame.
        usual_size: frames of TRACKING whose median size a target has when it is LOST, to be changed only where its
            spectrum agrees, and to be found first of all where it agrees; 0: the last size, and the score alone.
        stay_below: a LOST target is followed where it was seen last, and looked for nowhere else, as long as the
            response there is `stay_peak` of the usual one, where the spectrum tells other places apart by less than
            this (`Response.tells`, 0..1): its own may have changed, and a place that shows it may be another thing.
            0: it may be anywhere.
        stay_peak: see there.

    Raises:
        ValueError: a share outside of 0..1, a negative penalty, no smallest side.
    """

    penalty: float = 0.138
    window: float = 0.455
    learning_rate: float = 0.348
    minimum_px: float = 3.0
    sidelobe_share: float = 0.2
    score: ScoreModel = field(default_factory=siamese_score)
    update: TemplateUpdateConfig | None = None
    first_size: bool = False
    usual_size: int = 0
    stay_below: float = 0.0
    stay_peak: float = 0.9

    def __post_init__(self) -> None:
        for name in ('window', 'learning_rate', 'sidelobe_share', 'stay_below', 'stay_peak'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} in 0..1, got {getattr(self, name):g}')
        if not self.penalty >= 0 or not self.minimum_px >= 1:
            raise ValueError(f'expected penalty >= 0 and minimum_px >= 1, got {self.penalty:g}, {self.minimum_px:g}')
