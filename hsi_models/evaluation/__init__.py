"""The judge of tracking results: metrics of the field, error bars, honesty of the state, reports."""
from hsi_models.evaluation.online import OnlineEvaluator
from hsi_models.evaluation.protocol import evaluate
from hsi_models.evaluation.report import Report
from hsi_models.evaluation.results import SequenceResult
from hsi_models.evaluation.robustness import perturbed_boxes
from hsi_models.evaluation.scores import SequenceScores, score_sequence

__all__ = ['OnlineEvaluator', 'Report', 'SequenceResult', 'SequenceScores', 'evaluate', 'perturbed_boxes',
           'score_sequence']
