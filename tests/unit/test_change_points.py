"""Change points: found with when and how large, and not where a series is only restless."""

from __future__ import annotations

import math
import random

import pytest

from agents.investigator.analyzers.change_points import Within, change


def series(seed: int, *, jump: float = 0.0, at: int = 150, noise: float = 0.05) -> list[tuple[float, float]]:
    """Two hundred minutes of a level of one with a daily curve, restless, with a spike now and then."""
    draw, phase, points = random.Random(seed), random.Random(seed).uniform(0, 6.3), []
    for n in range(200):
        level = 1 + 0.1 * math.sin(phase + n / 229) + (jump if n >= at else 0.0)
        spike = 3.0 if draw.random() < 0.02 else 1.0
        points.append((60.0 * n, level * spike * math.exp(draw.gauss(0, noise))))
    return points


@pytest.mark.parametrize("jump", [-0.7, 0.8, 5.0])
def test_a_change_of_level_is_found_where_it_is_with_its_size(jump: float) -> None:
    wrong = [seed for seed in range(100) if not _right(seed, 40 + seed * 150 // 100, jump)]
    assert len(wrong) <= 2


def _right(seed: int, at: int, jump: float) -> bool:
    found = change(series(seed, jump=jump, at=at))
    if found is None or found.rose != (jump > 0):
        return False
    return abs(found.at / 60 - at) <= 5 and abs(found.after - found.before - jump) <= 0.3 * abs(jump) + 0.1


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_a_restless_series_with_spikes_and_a_daily_curve_has_no_change(noise: float) -> None:
    wrong = [seed for seed in range(100) if change(series(seed, noise=noise)) is not None]
    assert len(wrong) <= 2


def test_a_change_that_is_regular_and_tiny_is_of_no_interest() -> None:
    assert change([(60.0 * n, 1.0 if n < 100 else 1.09) for n in range(200)]) is None
    assert change([(60.0 * n, 1.0 if n < 100 else 1.2) for n in range(200)]) is not None


def test_only_a_change_between_the_moments_is_told() -> None:
    points = series(1, jump=2.0, at=60)
    assert change(points, Within(start=150 * 60)) is None
    assert change(points, Within(start=40 * 60, end=80 * 60)) is not None


@pytest.mark.parametrize("value", [0.0, 5.0, -1.0, math.nan, math.inf])
def test_a_constant_series_and_one_of_nonsense_have_no_change(value: float) -> None:
    assert change([(60.0 * n, value) for n in range(200)]) is None
    assert change([]) is None
