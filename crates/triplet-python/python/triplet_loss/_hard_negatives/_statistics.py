"""What sentence-transformers prints of mined negatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._columns import Summary
from ._search import Conditions, Found, Ranks

_ROW = "{:<6} {:>14} {:>14} {:>14}"


def report(summary: Summary, found: Found, conditions: Conditions, ranks: Ranks, until_found: bool) -> None:
    """Prints counts and distances of positives, negatives, and what is between them."""
    all_scores = (found.positive_scores, summary.negatives, summary.differences)
    print(_ROW.format("Metric", "Positive", "Negative", "Difference"))
    print(_ROW.format("Count", f"{len(all_scores[0]):,}", f"{len(all_scores[1]):,}", ""))
    for name, of in _METRICS:
        shown = [f"{of(scores.astype(np.float64)):.4f}" if len(scores) else "nan" for scores in all_scores]
        print(_ROW.format(name, *shown))
    for name, value in conditions.given():
        if name in found.skipped:
            count, share = found.skipped[name]
            print(f"Skipped {count:,} potential negatives ({share:.2%}) due to the {name} of {value}.")
    missing = summary.possible - summary.rows
    if missing <= 0:
        return
    share = missing / summary.possible
    if until_found:
        print(f"There are no further negatives for {missing} samples ({share:.2%}): no other text would do.")
        return
    names = ["range_max", *(["range_min"] if ranks.first else [])]
    names += [name for name, _ in conditions.given() if name != "min_score"]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    print(
        f"Could not find enough negatives for {missing} samples ({share:.2%}). Consider adjusting the "
        f"{listed} parameter{'s' if len(names) > 1 else ''} if you'd like to find more valid negatives, or "
        "until_found=True, which finds all there are."
    )


def _lower_median(scores: NDArray[Any]) -> float:
    """The middle one; of two, the lower, as torch has it."""
    return float(np.sort(scores)[(len(scores) - 1) // 2])


_METRICS: tuple[tuple[str, Callable[[NDArray[Any]], float]], ...] = (
    ("Mean", lambda scores: float(scores.mean())),
    ("Median", _lower_median),
    ("Std", lambda scores: float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")),
    ("Min", lambda scores: float(scores.min())),
    ("25%", lambda scores: float(np.quantile(scores, 0.25))),
    ("50%", lambda scores: float(np.quantile(scores, 0.5))),
    ("75%", lambda scores: float(np.quantile(scores, 0.75))),
    ("Max", lambda scores: float(scores.max())),
)
