"""The judge: folders of results against a folder of ground truth."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from hsi_models.evaluation.bootstrap import FEW_SEQUENCES, mean_interval, paired_difference
from hsi_models.evaluation.metrics import Array, SuccessProtocol, select_protocols
from hsi_models.evaluation.report import Comparison, Report, TrackerReport
from hsi_models.evaluation.results import SequenceResult, read_fps, read_result
from hsi_models.evaluation.robustness import JITTERS, PERTURBATIONS
from hsi_models.evaluation.scores import SequenceScores, mean_scores, score_sequence
from hsi_models.evaluation.truth import Groups, check_groups, find_truth, read_attributes, read_truth

OVERALL = 'overall'


def evaluate(ground_truth: str | Path, results: Mapping[str, str | Path], *,
             groups: Mapping[str, Iterable[str]] | None = None, protocols: Iterable[str] = ('hot50', 'otb21'),
             seed: int = 0) -> Report:
    """Judge trackers by one-pass evaluation; the first frame counts.

    Frames without valid truth are left out. A row that is missing, not finite or without area is a miss: IoU
    0, infinitely far. A sequence without a file of results is missed altogether, with a warning. The numbers
    of a tracker are means over sequences, of whatever length.

    Args:
        ground_truth: folder, DIR/<seq>/groundtruth_rect.txt (see `find_truth` for what else is read).
        results: name of the tracker -> folder with <seq>.txt, rows `x,y,w,h[,score[,status]]`, in the pixels
            of the truth. Sub-folders named as in `PERTURBATIONS` and `JITTERS` hold results from first boxes that
            are wrong so.
        groups: group -> names of sequences.
        protocols: of success; the first one is what "AUC" means in this report.
        seed: of the bootstrap.

    Raises:
        ValueError: malformed or missing files, unknown protocols, groups with unknown names.
    """
    chosen = select_protocols(protocols)
    if not results:
        raise ValueError('expected the results of one or more trackers, got none')
    folder = Path(ground_truth)
    truth = {name: read_truth(path) for name, path in find_truth(folder).items()}
    members = check_groups({group: list(names) for group, names in (groups or {}).items()}, truth)
    attributes = read_attributes(folder, truth)
    warnings: list[str] = []
    if len(truth) < FEW_SEQUENCES:
        warnings.append(f'{len(truth)} sequences are few: below {FEW_SEQUENCES} bootstrap intervals are too narrow and '
                        'p is too small')
    trackers = {name: _judge(name, Path(path), truth, chosen, members, attributes, seed, warnings)
                for name, path in results.items()}
    comparisons = tuple(
        Comparison(first.name, second.name, paired_difference(
            [one.auc for one in first.sequences.values()], [one.auc for one in second.sequences.values()], seed))
        for first, second in combinations(trackers.values(), 2))
    return Report(chosen, truth, members, attributes, trackers, comparisons, tuple(warnings))


def _judge(name: str, folder: Path, truth: Mapping[str, Array], protocols: tuple[SuccessProtocol, ...],
           groups: Groups, attributes: Groups, seed: int, warnings: list[str]) -> TrackerReport:
    results = _read_folder(name, folder, truth, warnings)
    sequences = _score_all(results, truth, protocols)
    robustness = {}
    for perturbation in (*PERTURBATIONS, *JITTERS):
        if (folder / perturbation).is_dir():
            perturbed = _read_folder(f'{name}/{perturbation}', folder / perturbation, truth, warnings)
            robustness[perturbation] = mean_scores(
                perturbation, list(_score_all(perturbed, truth, protocols).values()))

    def means(members: Groups) -> dict[str, SequenceScores]:
        return {group: mean_scores(group, [sequences[one] for one in names]) for group, names in members.items()}

    return TrackerReport(
        name, results, sequences, mean_scores(OVERALL, list(sequences.values())), means(groups), means(attributes),
        robustness, mean_interval([one.auc for one in sequences.values()], seed),
        mean_interval([one.dp20 for one in sequences.values()], seed), read_fps(folder, list(truth)))


def _score_all(results: Mapping[str, SequenceResult], truth: Mapping[str, Array],
               protocols: tuple[SuccessProtocol, ...]) -> dict[str, SequenceScores]:
    return {name: score_sequence(name, truth[name], result, protocols) for name, result in results.items()}


def _read_folder(tracker: str, folder: Path, truth: Mapping[str, Array],
                 warnings: list[str]) -> dict[str, SequenceResult]:
    if not folder.is_dir():
        raise ValueError(f'{tracker}: expected a folder of results, got {folder} (no such folder)')
    files = {path.stem: path for path in folder.glob('*.txt') if path.is_file()}
    missing = [name for name in truth if name not in files]
    if len(missing) == len(truth):
        raise ValueError(f'{tracker}: expected {folder}/<sequence>.txt for the {len(truth)} sequences of the truth '
                         f'({_listed(truth)}), got {_listed(files) or "no .txt file"}')
    if missing:
        warnings.append(f'{tracker}: {len(missing)} of {len(truth)} sequences have no results and count as missed: '
                        f'{_listed(missing)}')
    extra = sorted(set(files) - set(truth))
    if extra:
        warnings.append(f'{tracker}: {len(extra)} files are of no sequence with ground truth (left out): '
                        f'{_listed(extra)}')
    empty = SequenceResult.of_boxes(next(iter(truth.values()))[:0])
    results = {}
    for name, boxes in truth.items():
        read = read_result(files[name]).aligned(len(boxes)) if name in files else empty.aligned(len(boxes))
        results[name] = read
        if name in files:
            warnings.extend(f'{tracker}/{name}: {problem}' for problem in read.problems)
    return results


def _listed(names: Iterable[str], most: int = 5) -> str:
    every = list(names)
    return ', '.join(every[:most]) + (f' and {len(every) - most} more' if len(every) > most else '')
