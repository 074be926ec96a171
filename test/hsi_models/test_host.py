from __future__ import annotations

import json
import platform

from hsi_models.host import host_facts, processor_vendor


def test_host_facts_name_no_machine():
    facts = host_facts()
    assert facts['cores'] >= 1
    assert platform.node() not in json.dumps(facts) or not platform.node()


def test_the_vendor_is_one_word_where_linux_knows_it():
    vendor = processor_vendor()
    assert vendor == vendor.strip()
    assert platform.machine() != 'x86_64' or platform.system() != 'Linux' or vendor.split() == [vendor]
