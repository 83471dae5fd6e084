"""Turns of a bucket: how many at once, how many a second, who goes first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from tools.pacing import Bucket, Rate, Urgency
from tools.slack_pace import POSTS, UPDATES, Pace


@dataclass
class Time:
    """Seconds that pass only while everybody waits."""

    now: float = 0.0
    due: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wanted = self.now + seconds
        self.due.append(wanted)
        # Whoever wakes first moves the clock; everybody else had the time to go to sleep before.
        for _ in range(20):
            await asyncio.sleep(0)
        while self.now < wanted:
            self.now = max(self.now, min(self.due))
            await asyncio.sleep(0)
        self.due.remove(wanted)


def bucket(time: Time, per_second: float = 1.0, burst: int = 5, kept: int = 0) -> Bucket:
    rate = Rate(per_second=per_second, burst=burst, kept=kept)
    return Bucket(rate=rate, clock=time, sleep=time.sleep)


async def served(made: Bucket, *wishes: tuple[str, Urgency, str]) -> list[tuple[str, float]]:
    """Who had a turn when; all wishes come at once, in this order."""
    done: list[tuple[str, float]] = []

    async def wish(name: str, urgency: Urgency, of: str) -> None:
        await made.turn(urgency, of)
        done.append((name, made.clock()))

    await asyncio.gather(*(wish(*each) for each in wishes))
    return done


async def test_after_the_burst_it_is_one_a_second() -> None:
    done = await served(bucket(Time()), *((str(n), Urgency.NOW, "") for n in range(8)))
    assert [at for _, at in done] == pytest.approx([0, 0, 0, 0, 0, 1, 2, 3], abs=0.1)


async def test_a_rest_fills_the_bucket_and_no_more_than_that() -> None:
    time = Time()
    made = bucket(time, burst=2)
    await served(made, *((str(n), Urgency.NOW, "") for n in range(2)))
    time.now = 100.0
    done = await served(made, *((str(n), Urgency.NOW, "") for n in range(3)))
    assert [at for _, at in done] == pytest.approx([100, 100, 101], abs=0.1)


async def test_what_is_urgent_goes_first_also_when_it_came_last() -> None:
    made = bucket(Time(), burst=1)
    wishes = [("first", Urgency.SOON, ""), ("a", Urgency.SOON, ""), ("b", Urgency.SOON, "")]
    done = await served(made, *wishes, ("card", Urgency.NOW, ""))
    assert [name for name, _ in done] == ["first", "card", "a", "b"]


async def test_the_last_of_a_burst_are_kept_for_what_is_urgent() -> None:
    made = bucket(Time(), kept=3)
    done = await served(made, *((f"entry {n}", Urgency.SOON, "") for n in range(4)))
    assert [at for _, at in done] == pytest.approx([0, 0, 1, 2], abs=0.1)
    done = await served(made, *((f"card {n}", Urgency.NOW, "") for n in range(3)))
    assert [at for _, at in done] == pytest.approx([2, 2, 2], abs=0.1), "no card waits for entries"


async def test_one_with_many_wishes_does_not_hold_up_the_others() -> None:
    made = bucket(Time(), burst=1)
    many = [(f"a{n}", Urgency.NOW, "a") for n in range(4)]
    done = await served(
        made, ("0", Urgency.NOW, ""), *many, ("b0", Urgency.NOW, "b"), ("c0", Urgency.NOW, "c")
    )
    assert [name for name, _ in done] == ["0", "a0", "b0", "c0", "a1", "a2", "a3"]


async def test_whoever_stops_waiting_takes_no_turn() -> None:
    made = bucket(Time(), burst=1)
    await made.turn(Urgency.NOW)
    gone = asyncio.create_task(made.turn(Urgency.NOW))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert made.spare(Urgency.NOW) == pytest.approx(1.0, abs=0.1)


async def test_what_can_wait_is_told_how_long() -> None:
    time = Time()
    made = bucket(time, burst=2, kept=1)
    assert made.spare() == 0
    await made.turn(Urgency.NOW)
    assert (made.spare(), made.spare(Urgency.NOW)) == pytest.approx((1.0, 0.0), abs=0.1)


async def test_each_channel_has_its_own_turns_and_all_share_those_for_changes() -> None:
    time = Time()
    pace = Pace(clock=time, sleep=time.sleep)
    for _ in range(POSTS.burst):
        await pace.post("C1", Urgency.NOW)
    assert (pace.spare_post("C1") > 0, pace.spare_post("C2")) == (True, 0)
    for n in range(UPDATES.burst):
        await pace.update(f"C{n}", Urgency.NOW)
    assert pace.spare_update() == pytest.approx((UPDATES.kept + 1) * 60 / 50, abs=0.1)


async def test_a_workspace_that_was_granted_more_is_spoken_to_faster() -> None:
    time = Time()
    pace = Pace(factor=10, clock=time, sleep=time.sleep)
    for _ in range(10 * POSTS.burst):
        await pace.post("C1", Urgency.NOW)
    assert time.now == 0
    await pace.post("C1", Urgency.NOW)
    assert time.now == pytest.approx(0.1, abs=0.1)
