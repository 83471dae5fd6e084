"""What the pretend application exports: series that go up and down with the Services they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from evals.world.prometheus.samples import ObjectSource, Sample
from evals.world.reach import Answers, reachable
from evals.world.scenario import ApplicationSeries

_ALREADY_COUNTED = timedelta(hours=6)


class ApplicationExporter:
    """An exporter over scenario series; counters grow by their rate for as long as the Service is in that
    state.
    """

    def __init__(
        self, series: Sequence[ApplicationSeries], answers: Answers, sick: Callable[[], bool] = lambda: False
    ) -> None:
        self._answers = answers
        self._sick = sick
        self._series = list(series)
        # The counters start high: fresh ones would look like a restarted application.
        self._counts = [each.up * _ALREADY_COUNTED.total_seconds() for each in self._series]
        self._last: datetime | None = None

    def __call__(self, objects: ObjectSource, now: datetime) -> Iterable[Sample]:
        """One reading of every series."""
        passed = (now - self._last).total_seconds() if self._last is not None else 0.0
        self._last = now
        serving = {
            f"{each['metadata']['namespace']}/{each['metadata']['name']}"
            for each in objects.list("endpoints")
            if reachable(each, self._answers)
        }
        sick = any(each.follows == "fault" for each in self._series) and self._sick()
        for index, each in enumerate(self._series):
            well = not sick if each.follows == "fault" else each.service in serving
            level = each.up if well else each.down
            self._counts[index] += level * passed
            namespace, service = each.service.split("/")
            labels = {"namespace": namespace, "service": service, **each.labels}
            value = self._counts[index] if each.type == "counter" else level
            yield Sample(each.name, labels, value)
