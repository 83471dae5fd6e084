"""The arithmetic of rollouts, held against its two promises for any sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.world.kubernetes.controllers.rollout import (
    Bounds,
    Size,
    bounds,
    next_new_size,
    next_old_sizes,
    proportional,
)

counts = st.integers(0, 12)


@st.composite
def sized(draw: st.DrawFn) -> Size:
    wanted = draw(counts)
    return Size(name="old", wanted=wanted, available=draw(st.integers(0, wanted)))


limited = st.builds(bounds, counts, counts, counts)


@given(limits=limited, new=sized(), old=st.lists(sized(), max_size=3))
def test_growing_never_exceeds_replicas_plus_surge(limits: Bounds, new: Size, old: list[Size]) -> None:
    target = next_new_size(limits, new, old)
    total = target + sum(each.wanted for each in old)
    assert target <= limits.replicas
    assert total <= max(limits.most, new.wanted + sum(each.wanted for each in old))


@given(limits=limited, new=sized(), old=st.lists(sized(), max_size=3))
def test_shrinking_never_takes_an_available_pod_that_is_needed(
    limits: Bounds, new: Size, old: list[Size]
) -> None:
    before = new.available + sum(each.available for each in old)
    shrunk = next_old_sizes(limits, new, old)
    after = new.available + sum(
        min(each.available, size.wanted) for each, size in zip(old, shrunk, strict=True)
    )
    assert after >= min(before, limits.fewest_available)
    assert all(size.wanted <= each.wanted for each, size in zip(old, shrunk, strict=True))


def test_percentages_round_surge_up_and_unavailable_down() -> None:
    limits = bounds(5, "25%", "25%")
    assert (limits.surge, limits.unavailable) == (2, 1)


def test_a_rollout_that_may_neither_surge_nor_miss_a_pod_may_miss_one() -> None:
    assert bounds(3, 0, "10%").unavailable == 1


def test_unhealthy_old_pods_go_before_healthy_ones() -> None:
    limits = bounds(3, 1, 1)
    old = [Size(name="a", wanted=2, available=0), Size(name="b", wanted=2, available=2)]
    shrunk = next_old_sizes(limits, Size(name="new", wanted=0), old)
    assert [each.wanted for each in shrunk] == [0, 2]


@pytest.mark.parametrize("replicas", [0, 4, 10])
def test_a_resize_in_the_middle_of_a_rollout_shares_out_the_whole_size(replicas: int) -> None:
    limits = bounds(replicas, 0, 1)
    sizes = proportional(limits, 5, [Size(name="a", wanted=4), Size(name="b", wanted=1)])
    assert sum(each.wanted for each in sizes) == replicas
