"""An actor's hands in a data centre, for the tests of what it does when the world is not as it was shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.actor.hands import Hands
from evals.world.datacentre import DataCentre
from tests.support.actor_scene import copies
from tests.support.datacentre import data_centre
from tests.support.hands import hands_of
from tests.support.story import Scene, scene_in


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def at(centre: DataCentre, tmp_path: Path) -> Iterator[Scene]:
    with scene_in(centre, tmp_path) as made:
        yield made


@pytest.fixture
def hands(at: Scene) -> Iterator[Hands]:
    with hands_of(at) as made:
        yield made


@pytest.fixture
def name(centre: DataCentre, request: pytest.FixtureRequest) -> str:
    """A Deployment of this test's own."""
    return copies(centre, request.node.name, 1)[0]
