"""The shipped basis is what its command gives."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hsi_models.data.simulation import derive_basis


def test_the_shipped_basis_comes_from_the_libraries(shared_data: Path, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / 'basis.json'
    monkeypatch.setattr('sys.argv', ['derive_basis', str(shared_data / 'spectral_libraries'), str(out)])
    derive_basis.main()
    derived = json.loads(out.read_text())
    shipped = json.loads((Path(derive_basis.__file__).parent / 'basis.json').read_text())
    assert derived.keys() == shipped.keys()
    for name, values in shipped.items():
        # modes of a decomposition may change sign with the linear algebra library
        np.testing.assert_allclose(np.abs(derived[name]), np.abs(values), atol=2e-3, err_msg=name)


def test_a_folder_without_libraries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'expected libraries \(\*\.npz'):
        derive_basis.read_libraries(tmp_path)
