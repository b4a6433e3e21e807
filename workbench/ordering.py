"""Rows by ascending value. Compiled, and the same order as a stable argsort gives."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from workbench.compilation import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DIGIT_BITS: Final = 11  # of a value's place between the smallest and the largest: two digits, 4 million places
ROW_BITS: Final = 32
EXCHANGES_MAX: Final = 16  # a row, on average, among values too close to each other for that


def ascending(values: FloatArray) -> IntArray:
    """Return the rows of `values` by ascending value, ties in the order of rows; NaN is left out.

    The values are finite or NaN. Times that are spread over a run take a sixth of the time of NumPy's sort; those that
    crowd in a few places are left to it.
    """
    order, in_order = by_digits(values)
    return order if in_order else np.argsort(values, kind="stable")[: len(order)]


def in_order(values: FloatArray) -> FloatArray:
    """Return the values that are not NaN, ascending: what np.sort gives, as fast as `ascending`."""
    return values[ascending(values)]


@compiled
def by_digits(values: FloatArray) -> tuple[IntArray, bool]:
    """Return the rows by ascending value, and whether they are so: False where EXCHANGES_MAX did not do.

    A radix sort of each value's place between the smallest and the largest, then an insertion sort of the rest.
    """
    digits = 1 << DIGIT_BITS
    low, high, count = np.inf, -np.inf, 0
    for value in values:
        if not np.isnan(value):
            low, high, count = min(low, value), max(high, value), count + 1
    scale = (digits * digits - 1) / (high - low) if high > low else 0.0
    place = np.empty(len(values), np.int32)
    second, first = np.zeros(digits + 1, np.int64), np.zeros(digits + 1, np.int64)
    for row in range(len(values)):
        place[row] = -1
        if not np.isnan(values[row]):
            place[row] = np.int32((values[row] - low) * scale)
            second[(place[row] & (digits - 1)) + 1] += 1
            first[(place[row] >> DIGIT_BITS) + 1] += 1
    for digit in range(digits):
        second[digit + 1] += second[digit]
        first[digit + 1] += first[digit]
    half, order = np.empty(count, np.int64), np.empty(count, np.int64)
    for row in range(len(values)):
        if place[row] >= 0:
            digit = place[row] & (digits - 1)
            half[second[digit]] = (np.int64(place[row]) << ROW_BITS) | row  # with its place, which else were far away
            second[digit] += 1
    for index in range(count):
        digit = half[index] >> (ROW_BITS + DIGIT_BITS)
        order[first[digit]] = half[index] & ((1 << ROW_BITS) - 1)
        first[digit] += 1
    return order, exchange(values, order)


@compiled
def exchange(values: FloatArray, order: IntArray) -> bool:
    """Put rows that are nearly in order into it, ties where they are; False when that took too long."""
    largest, left = -np.inf, EXCHANGES_MAX * len(order)
    for index in range(len(order)):
        row = order[index]
        value = values[row]
        if value >= largest:
            largest = value
            continue
        place = index
        while place > 0 and values[order[place - 1]] > value:
            order[place] = order[place - 1]
            place -= 1
        order[place] = row
        left -= index - place
        if left < 0:
            return False
    return True
