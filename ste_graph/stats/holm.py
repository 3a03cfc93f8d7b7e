"""Holm's correction: several candidates are tested, and none is taken for better by luck.

Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
6:65-70.
"""

from __future__ import annotations

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """The p-value of each candidate, corrected for their number: to be compared with 0.05 as it is."""
    corrected, last = {}, 0.0
    for rank, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        last = max(last, min(1.0, value * (len(p_values) - rank)))
        corrected[name] = last
    return {name: corrected[name] for name in p_values}
