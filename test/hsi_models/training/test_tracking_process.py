"""The command that trains a tracker, in processes of its own: killed, resumed, evaluated; and two side by side."""
from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hsi_models.checkpoint import load_tensors
from hsi_models.data.synthetic import SyntheticSequence
from hsi_models.evaluation.metrics import PROTOCOLS, overlaps
from hsi_models.offline import track_sequence
from hsi_models.registry import create_tracker
from hsi_models.training.tracking_pack import unpack_windows

pytestmark = pytest.mark.system

SMALL = ('batch=2', 'sides=[32]', 'network.channels=8', 'network.nodes=4', 'network.widths=[4,4,4]',
         'network.depths=[0,1]', 'network.backbone.levels=[4]', 'pairs.windows.px=64', 'pairs.pairs.cameras=2',
         'most_bands=16', 'warm_up=2', 'loop.steps=12', 'loop.validate_every=3', 'validation.pairs=4',
         'validation.final_pairs=4', 'validation.batch=4')
# What a training machine need not have: an image of PyTorch holds torch, numpy, cv2, safetensors, tqdm.
ABSENT = ('scipy', 'rclpy', 'rosbags', 'matplotlib', 'onnxruntime', 'onnx', 'h5py', 'yaml', 'tifffile')
BARE = ('import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[1].split(","))); del sys.argv[1]; '
        'runpy.run_module("hsi_tracking_ros", run_name="__main__", alter_sys=True)')


@pytest.fixture
def command(repository, corpus_folder):
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}

    def start(out, *words, data=corpus_folder, launcher=(sys.executable, '-m', 'hsi_tracking_ros')):
        line = [*launcher, 'train', 'ssf_net', '--out', str(out), *words, '--set', f'data={data}', *SMALL]
        return subprocess.Popen(line, cwd=repository, env=env, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    return start


def finish(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error[-3000:]
    return out


def rows(folder):
    with (folder / 'log.csv').open() as file:
        return [{k: v for k, v in row.items() if k != 'seconds'} for row in csv.DictReader(file)]


def test_killed_and_resumed_is_as_unbroken_and_the_result_tracks(command, tmp_path):
    unbroken = command(tmp_path / 'a', launcher=(sys.executable, '-c', BARE, ','.join(ABSENT)))
    killed = command(tmp_path / 'b')
    state = tmp_path / 'b' / 'state.safetensors'
    deadline = time.monotonic() + 90
    while not state.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    assert state.exists()
    assert not (tmp_path / 'b' / 'ssf_net_fast.safetensors').exists()
    finish(unbroken)
    card = json.loads(finish(command(tmp_path / 'b', '--resume', '--json')))
    first, second = (load_tensors(tmp_path / name / 'ssf_net_fast.safetensors') for name in 'ab')
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert rows(tmp_path / 'a') == rows(tmp_path / 'b')
    assert [row['step'] for row in rows(tmp_path / 'b')] == ['3', '6', '9', '12']
    assert card['command'].startswith('hsi-tracking train ssf_net:fast --set data=')

    sequence = SyntheticSequence(frames=6, size=(64, 96))
    tracker = create_tracker('ssf_net', weights=tmp_path / 'b' / 'ssf_net_fast.safetensors')
    found = np.array([tuple(row.box) for row in track_sequence(sequence, tracker, always_box=True).rows])
    auc = PROTOCOLS['hot50'].curve(overlaps(sequence.boxes, found)).mean()
    assert 0 <= auc <= 1
    assert overlaps(sequence.boxes, found)[0] == pytest.approx(1)


def test_two_processes_train_one_network_on_batches_of_their_own(command, tmp_path):
    torchrun = (sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2', '-m',
                'hsi_tracking_ros')
    card = json.loads(finish(command(tmp_path / 'a', '--json', launcher=torchrun)))
    assert card['device'].startswith('2 x CPU')
    assert [row['step'] for row in rows(tmp_path / 'a')] == ['3', '6', '9', '12']
    loss = float(rows(tmp_path / 'a')[0]['loss'])
    assert np.isfinite(loss)


def test_pictures_are_packed_and_read_back(command, tmp_path):
    pack = tmp_path / 'pack.npz'
    process = command(tmp_path / 'a', '--pack', str(pack))
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert f'wrote {pack}: {len(unpack_windows(pack))} pictures' in error
    done = command(tmp_path / 'b', '--show', data=pack)
    assert json.loads(finish(done))['data'] == str(pack)
