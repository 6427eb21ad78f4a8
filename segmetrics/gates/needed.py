"""About how many groups make an interval end before a bound.

An end of an interval (`stats.intervals`) lies off the value for two reasons: the spread of the
groups, a part that falls with the square root of their number, and one unseen group at the worst
(for the upper end, best) value, whose weight falls with their number itself. Of few groups the
second is the larger one, and the square root alone would ask for several times too many.
"""

from __future__ import annotations

import math
from collections.abc import Callable

# More are no advice.
MOST_GROUPS = 10_000
# Ends are rounded to nine decimals; a range smaller than this says nothing, and would underflow.
_LEAST = 1e-12
# Beyond each end, as of the usual interval of 95 %. With another confidence the spread that is
# found makes up for most of what this gets wrong.
_TAIL = 0.025


def groups_needed(
    groups: int, half_width: float, distance: float, reach: float = math.inf
) -> int | None:
    """About how many groups make an interval end before a bound; None: no realistic number does.

    The distance of the end is a quantile of `spread / sqrt(n) * Z + reach * W`: Z is normal, W the
    weight of the unseen group, Beta(1, n), taken as an exponential with the same quantile. `spread`
    is what reproduces `half_width` at `groups`; where the unseen group alone gives more, it is 0
    and `reach` is smaller.

    Parameters
    ----------
    groups
        How many there are.
    half_width, distance
        From the value to the end of its interval, and to the bound.
    reach
        From the value to the end of the metric's range on that side. Not finite (distances, numbers
        of objects, differences): how far off the unseen group was put is not known here, and all
        falls with the square root, `groups * (half_width / distance)**2`, which is too many where
        groups are few.

    Returns
    -------
    int or None
        At most 10,000, the largest number that is advice.
    """
    if not distance > _LEAST or groups < 1 or not math.isfinite(half_width):
        return None
    if distance >= half_width:
        return groups
    if not math.isfinite(reach) or reach < _LEAST:
        ratio = half_width / distance
        # 40 * (0.1 / 0.05)**2 is 160, whatever the last bit of the quotient says.
        exact = groups * ratio * ratio * (1 - 1e-12)  # infinite where `** 2` would raise
        return math.ceil(exact) if exact <= MOST_GROUPS else None
    reach = min(reach, half_width / _weight(groups))
    spread = _spread(groups, half_width, reach)

    def settles(n: int) -> bool:
        return _beyond(distance, n, spread, reach) <= _TAIL * (1 + 1e-9)  # rounding

    return _smallest(settles, groups) if settles(MOST_GROUPS) else None


def _smallest(settles: Callable[[int], bool], unsettled: int) -> int:
    """The smallest number that settles it, of which MOST_GROUPS does."""
    low, high = unsettled, MOST_GROUPS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high


def _spread(groups: int, half_width: float, reach: float) -> float:
    """The spread of one group with which the half-width is what it is."""
    low, high = 0.0, half_width * math.sqrt(groups)  # more than 1 / 1.96 of it is never needed
    for _ in range(60):
        middle = (low + high) / 2
        too_wide = _beyond(half_width, groups, middle, reach) > _TAIL
        low, high = (low, middle) if too_wide else (middle, high)
    return low


def _weight(groups: int) -> float:
    """The quantile of the unseen group's weight, Beta(1, groups)."""
    return -math.expm1(math.log(_TAIL) / groups)


def _beyond(distance: float, groups: int, spread: float, reach: float) -> float:
    """The chance that a resampled value lies farther off than `distance`.

    Of the sum of a normal and an exponential number (exponentially modified Gaussian).
    """
    rate = -math.log(_TAIL) / (reach * _weight(groups))
    sigma = spread / math.sqrt(groups)
    z = distance / sigma if sigma > 0 else math.inf
    if not math.isfinite(z):
        return math.exp(-rate * distance)
    x = rate * sigma - z
    if x > 20:  # the product below would overflow: Mills' ratio
        shared = math.exp(-z * z / 2) / (x * math.sqrt(2 * math.pi))
    else:
        shared = math.exp(rate * sigma * (rate * sigma / 2 - z)) * _above(x)
    return _above(z) + shared


def _above(z: float) -> float:
    """The chance that a standard normal number is larger."""
    return math.erfc(z / math.sqrt(2)) / 2
