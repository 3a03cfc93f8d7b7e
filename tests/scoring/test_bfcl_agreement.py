"""A sample of what `python -m tests.bench bfcl` measures in full: agreement with BFCL's own checker."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from ste_graph.scoring.bfcl.environment_process import EnvironmentProcess
from tests.bench.bench_bfcl import MISSING, PARALLEL, SINGLE, compare_calls, compare_states

pytestmark = pytest.mark.skipif(find_spec("bfcl_eval") is None, reason=MISSING)


@pytest.mark.parametrize("category", SINGLE)
def test_single_calls_are_judged_as_by_bfcl(category):
    found = compare_calls(category, every=40)
    assert found.right > 20
    assert (found.accepted, found.refused) == ([], [])


@pytest.mark.parametrize("category", PARALLEL)
def test_calls_of_one_turn_are_judged_as_by_bfcl(category):
    found = compare_calls(category, every=8)
    assert found.right > 20
    assert (found.accepted, found.refused) == ([], [])


@pytest.mark.skipif(not EnvironmentProcess.is_possible(), reason=MISSING)
def test_states_are_judged_as_by_bfcl():
    found = compare_states("multi_turn_base", every=50)
    assert found.right > 20
    assert (found.accepted, found.refused) == ([], [])
