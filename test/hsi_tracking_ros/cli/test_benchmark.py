"""The benchmark reports what it measured; figures themselves are never asserted."""
from __future__ import annotations

import json

import pytest

from hsi_tracking_ros.cli.main import main

SMALL = ['--sequence', 'synthetic:demo?frames=5&size=96x192', '--frames', '5']


def report_of(capsys, *arguments):
    assert main(['benchmark', *arguments, *SMALL, '--json']) == 0
    return json.loads(capsys.readouterr().out)


def test_core_ring(capsys):
    report = report_of(capsys, '--ring', 'core', '--tracker', 'spectral_dcf')
    row, = report['rings']['core']
    assert (row['tracker'], row['frames'], row['image']) == ('spectral_dcf', 4, '384x768 uint16')
    assert 0 < row['frame_ms']['p50'] <= row['frame_ms']['max']
    assert set(row['stages_ms']) == {'preprocess', 'infer', 'postprocess'}
    assert report['host']['cores'] >= 1
    assert report['weights_sha256'] == {'spectral_dcf': None}


def test_node_ring(capsys):
    pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
    report = report_of(capsys, '--ring', 'node', '--runtime', 'eager')
    row, = report['rings']['node']
    assert row['frames'] == 4
    assert row['fps'] > 0
    assert report['runtime'] == 'eager'
    assert len(report['weights_sha256']['auto']) == 64


@pytest.mark.system
def test_pair_ring(capsys, monkeypatch):
    pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
    monkeypatch.setenv('ROS_DOMAIN_ID', '1')        # it sets these two, which are put back
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    row, = report_of(capsys, '--ring', 'pair', '--tracker', 'spectral_dcf')['rings']['pair']
    assert row['frames']['sent'] == 5
    assert row['frames']['answered'] + row['frames']['dropped'] == row['frames']['received']
    assert 0 < row['age_ms']['p50'] <= row['age_ms']['max'] < 60_000


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['--ring', 'core,moon'], "expected some of core,node,pair,graph, got 'core,moon'"),
    (['--frames', '1'], 'expected --frames >= 2, got 1'),
    (['--tracker', 'magic'], "got 'magic'"),
])
def test_bad_arguments(capsys, arguments, expected):
    assert main(['benchmark', *arguments]) == 2
    assert expected in capsys.readouterr().err
