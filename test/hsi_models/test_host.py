from __future__ import annotations

import json
import platform

from hsi_models.host import host_facts


def test_host_facts_name_no_machine():
    facts = host_facts()
    assert facts['cores'] >= 1
    assert platform.node() not in json.dumps(facts) or not platform.node()
