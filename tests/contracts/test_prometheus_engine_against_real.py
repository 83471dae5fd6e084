"""The pretend Prometheus and the real one, fed the same history, must answer every query alike."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from evals.world.prometheus.exposition import open_metrics
from evals.world.prometheus.server import PrometheusServer
from tests.support.patience import PATIENCE_S
from tests.support.promql_corpus import FAULTY, NOW, QUERIES, history
from tests.support.real_servers import PrometheusConfig, program, real_prometheus

pytestmark = pytest.mark.alertmanager


@dataclass(frozen=True)
class Both:
    """The two addresses."""

    real: httpx.Client
    pretend: httpx.Client


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    tsdb, folder = history(), tmp_path_factory.mktemp("blocks")
    source = folder / "history.om"
    source.write_text("".join(open_metrics(tsdb)))
    blocks = folder / "data"
    _import(source, blocks)
    pretend = PrometheusServer(tsdb)
    pretend.start()
    try:
        with (
            real_prometheus(PrometheusConfig(tsdb=blocks)) as real,
            httpx.Client(base_url=real.url, trust_env=False, timeout=PATIENCE_S) as ask_real,
            httpx.Client(base_url=pretend.url, trust_env=False, timeout=PATIENCE_S) as ask_pretend,
        ):
            yield Both(ask_real, ask_pretend)
    finally:
        pretend.stop()


def _import(source: Path, blocks: Path) -> None:
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(source), str(blocks)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)


_UNORDERED = ("vector", "matrix")


def _canonical(answer: httpx.Response, *, ordered: bool) -> object:
    body = answer.json()
    if answer.status_code != 200:
        return (answer.status_code, body["status"], body["errorType"])
    kind, result = body["data"]["resultType"], body["data"]["result"]
    if kind in _UNORDERED and not ordered:
        result = sorted(result, key=lambda one: sorted(one["metric"].items()))
    return (kind, _numbers(result))


def _numbers(value: object) -> object:
    """Values as approximate floats; infinities and NaN compare by name."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str):
        try:
            number = float(value[1])
        except ValueError:
            return value
        return [value[0], pytest.approx(number, rel=1e-9, abs=1e-9, nan_ok=True)]
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    return value


@pytest.mark.parametrize("query", QUERIES)
def test_an_instant_query_answers_as_the_real_one_does(both: Both, query: str) -> None:
    asked = {"query": query, "time": f"{NOW}"}
    real, pretend = (client.get("/api/v1/query", params=asked) for client in (both.real, both.pretend))
    assert real.status_code == 200, real.text
    ordered = query.startswith(("sort", "topk(", "bottomk("))
    assert pretend.status_code == 200, pretend.text
    assert _canonical(pretend, ordered=ordered) == _canonical(real, ordered=ordered)


@pytest.mark.parametrize("query", [query for query in QUERIES if not query.endswith("]") and query[0] != '"'])
def test_a_range_query_answers_as_the_real_one_does(both: Both, query: str) -> None:
    asked = {"query": query, "start": f"{NOW - 3000}", "end": f"{NOW}", "step": "97"}
    real, pretend = (client.post("/api/v1/query_range", data=asked) for client in (both.real, both.pretend))
    assert real.status_code == 200, real.text
    assert pretend.status_code == 200, pretend.text
    assert _canonical(pretend, ordered=False) == _canonical(real, ordered=False)


@pytest.mark.parametrize("query", FAULTY)
def test_a_faulty_query_is_refused_as_the_real_one_refuses_it(both: Both, query: str) -> None:
    asked = {"query": query, "time": f"{NOW}"}
    real, pretend = (client.get("/api/v1/query", params=asked) for client in (both.real, both.pretend))
    assert real.status_code in (400, 422), real.text
    assert _canonical(pretend, ordered=False) == _canonical(real, ordered=False)


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "constant", "start": "0", "end": "11002", "step": "1"},
        {"query": "constant", "start": "100", "end": "10", "step": "1"},
        {"query": "constant", "start": "0", "end": "10", "step": "0"},
        {"query": "constant", "start": "0", "end": "10", "step": "soon"},
        {"query": "constant", "start": "0", "end": "10"},
        {"query": "constant[5m]", "start": "0", "end": "10", "step": "1"},
        {"query": "", "start": "0", "end": "10", "step": "1"},
    ],
)
def test_a_wrong_range_is_refused_as_the_real_one_refuses_it(both: Both, asked: dict[str, str]) -> None:
    real, pretend = (client.get("/api/v1/query_range", params=asked) for client in (both.real, both.pretend))
    assert _canonical(pretend, ordered=False) == _canonical(real, ordered=False)
    assert real.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/labels",
        "/api/v1/label/pod/values",
        "/api/v1/labels?match[]=requests_total",
        "/api/v1/label/__name__/values?match[]={pod='cart-1'}",
        "/api/v1/series?match[]=requests_total&match[]=constant",
    ],
)
def test_metadata_is_listed_as_the_real_one_lists_it(both: Both, path: str) -> None:
    within = {"start": f"{NOW - 3600}", "end": f"{NOW}"}
    url = httpx.URL(path).copy_merge_params(within)
    real, pretend = (client.get(url).json() for client in (both.real, both.pretend))
    assert real["data"]
    key = (lambda one: sorted(one.items())) if "series" in path else str
    assert sorted(pretend["data"], key=key) == sorted(real["data"], key=key)
