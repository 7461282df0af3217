"""Each fault on the wire, at each kind of backend: named in one line, what came is kept, nothing hangs or is left."""

from __future__ import annotations

import pytest
from faults.catalogue import all_faults
from faults.running import BACKENDS, cases, run_all
from faults.table import row

FAULTS = all_faults()


def test_every_fault_has_a_name_of_its_own() -> None:
    for backend in BACKENDS:
        names = [(fault.name, stage) for fault, stage in cases(FAULTS, backend)]
        assert len(names) == len(set(names))
        assert len(names) > 300


@pytest.mark.parametrize("backend", BACKENDS)
async def test_no_fault_on_the_wire_does_harm(backend: str) -> None:
    results = await run_all(FAULTS, backend)
    wrong = [row(result) for result in results if result.wrong]
    assert not wrong, "\n".join(wrong)
