"""``tools.prometheus`` against the pretend Prometheus in every mood, and against the real one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from evals.world.clock import VirtualClock
from evals.world.prometheus.samples import Sample
from evals.world.prometheus.server import PrometheusOptions, PrometheusServer
from evals.world.prometheus.tsdb import Tsdb
from tests.support.patience import PATIENCE_S
from tests.support.real_servers import PrometheusConfig, real_prometheus
from tools.prometheus import (
    Bounds,
    Prometheus,
    PrometheusError,
    PrometheusRefused,
    PrometheusTimedOut,
    PrometheusTooLarge,
    PrometheusUnreachable,
    QueryResult,
    Window,
)

BEGIN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(minutes=10)


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    tsdb = Tsdb()
    for index in range(41):
        up = [Sample("up", {"pod": pod}, float(pod != "b" or index < 20)) for pod in ("a", "b")]
        tsdb.append(BEGIN + timedelta(seconds=15 * index), [*up, Sample("hits_total", {}, 30.0 * index)])
    server = PrometheusServer(tsdb, PrometheusOptions(clock=VirtualClock(NOW)))
    server.start()
    yield server
    server.stop()


def test_an_instant_query_gives_labels_and_values(server: PrometheusServer) -> None:
    result = Prometheus.open(server.url).instant("up == 0", NOW)
    assert [(one.labels, one.value) for one in result.samples] == [({"__name__": "up", "pod": "b"}, 0.0)]
    assert result.query == "up == 0"
    assert result.warnings == ()


def test_without_a_moment_the_server_answers_for_now(server: PrometheusServer) -> None:
    assert Prometheus.open(server.url + "/").instant("time()").samples[0].value == NOW.timestamp()


def test_nothing_found_is_an_empty_result_not_an_error(server: PrometheusServer) -> None:
    assert Prometheus.open(server.url).instant("nothing").samples == ()


def test_a_range_query_gives_every_step(server: PrometheusServer) -> None:
    window = Window(start=NOW - timedelta(minutes=6), end=NOW)
    result = Prometheus.open(server.url).range('up{pod="b"}', window, timedelta(minutes=2))
    assert [value for _, value in result.tracks[0].points] == [1.0, 0.0, 0.0, 0.0]
    assert result.tracks[0].points[-1][0] == NOW.timestamp()


def test_the_servers_warnings_are_kept(server: PrometheusServer) -> None:
    server.faults.warnings = ("one store did not answer",)
    assert Prometheus.open(server.url).instant("up").warnings == ("one store did not answer",)
    window = Window(start=BEGIN, end=NOW)
    assert Prometheus.open(server.url).range("up", window, timedelta(minutes=1)).warnings == (
        "one store did not answer",
    )


@pytest.mark.parametrize("query", ["up{", "foo(up)", "up @ 0", "up * on () hits_total", "up[5m]"])
def test_a_query_the_server_does_not_answer_is_refused_in_its_words(
    server: PrometheusServer, query: str
) -> None:
    with pytest.raises(PrometheusRefused) as caught:
        Prometheus.open(server.url).instant(query, NOW)
    assert not caught.value.retryable
    assert query in str(caught.value)


def test_a_503_is_tried_once_and_called_unreachable(server: PrometheusServer) -> None:
    server.faults.unavailable = True
    with pytest.raises(PrometheusUnreachable) as caught:
        Prometheus.open(server.url).instant("up")
    assert caught.value.retryable
    assert len(server.requests) == 1


def test_a_cut_connection_is_unreachable(server: PrometheusServer) -> None:
    server.faults.reset = True
    with pytest.raises(PrometheusUnreachable):
        Prometheus.open(server.url).instant("up")


def test_nobody_at_the_address_is_unreachable() -> None:
    with pytest.raises(PrometheusUnreachable):
        Prometheus.open("http://127.0.0.1:9").instant("up")


def test_a_slow_answer_times_out(server: PrometheusServer) -> None:
    server.faults.delay_seconds = 30
    impatient = Prometheus(url=server.url, bounds=Bounds(timeout_s=0.2))
    with pytest.raises(PrometheusTimedOut) as caught:
        impatient.instant("up")
    assert caught.value.retryable


def test_an_answer_beyond_the_cap_is_too_large(server: PrometheusServer) -> None:
    server.faults.padding_bytes = 6 * 1024 * 1024
    with pytest.raises(PrometheusTooLarge) as caught:
        Prometheus.open(server.url).instant("up")
    assert not caught.value.retryable


def test_a_redirect_is_not_followed(server: PrometheusServer) -> None:
    server.faults.redirect_to = f"{server.url}/api/v1/labels"
    with pytest.raises(PrometheusRefused, match="307"):
        Prometheus.open(server.url).instant("up")
    assert server.requests == ["/api/v1/query"]


def test_a_login_page_is_not_an_answer(server: PrometheusServer) -> None:
    server.faults.not_json = True
    with pytest.raises(PrometheusRefused):
        Prometheus.open(server.url).instant("up")


def test_too_many_points_are_not_even_asked_for(server: PrometheusServer) -> None:
    client = Prometheus.open(server.url)
    window = Window(start=NOW - timedelta(hours=6), end=NOW)
    for step in (timedelta(seconds=1), timedelta(0), timedelta(seconds=-1)):
        with pytest.raises(PrometheusTooLarge):
            client.range("up", window, step)
    assert server.requests == []


def test_the_bearer_token_is_shown_and_never_printed(server: PrometheusServer) -> None:
    guarded = PrometheusServer(server.tsdb, PrometheusOptions(token="s3cret"))
    guarded.start()
    try:
        client = Prometheus.open(guarded.url, "s3cret")
        assert client.instant("up", NOW).samples
        assert "s3cret" not in repr(client)
        with pytest.raises(PrometheusRefused, match="401"):
            Prometheus.open(guarded.url).instant("up")
    finally:
        guarded.stop()


def test_a_window_is_aware_and_runs_forward() -> None:
    with pytest.raises(ValueError, match="aware"):
        Window(start=datetime(2026, 1, 1), end=NOW)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="before"):
        Window(start=NOW, end=BEGIN)


def test_no_more_than_two_questions_are_asked_at_once(server: PrometheusServer) -> None:
    server.faults.delay_seconds = 0.05
    client = Prometheus.open(server.url)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(client.instant, ["up"] * 6))
    assert all(isinstance(result, QueryResult) for result in results)
    assert server.busiest == 2


def test_a_question_that_gets_no_turn_times_out(server: PrometheusServer) -> None:
    server.faults.delay_seconds = 0.5
    client = Prometheus(url=server.url, bounds=Bounds(timeout_s=0.15))
    with ThreadPoolExecutor(3) as pool:
        errors = [asked.exception() for asked in [pool.submit(client.instant, "up") for _ in range(3)]]
    assert {type(error) for error in errors} == {PrometheusTimedOut}


def test_an_answer_that_drips_does_not_outlive_the_deadline() -> None:
    with _dripping() as url, pytest.raises(PrometheusTimedOut):
        Prometheus(url=url, bounds=Bounds(timeout_s=0.3)).instant("up")


@contextmanager
def _dripping() -> Iterator[str]:
    """A server that sends a byte now and then, so that no single read ever waits long."""
    done = threading.Event()

    def drip() -> None:
        connection, _ = listening.accept()
        with closing(connection):
            connection.recv(4096)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
            )
            while not done.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        done.set()
        thread.join(PATIENCE_S)


@pytest.mark.alertmanager
def test_the_real_server_is_read_the_same_way() -> None:
    with real_prometheus(PrometheusConfig()) as real:
        client = Prometheus.open(real.url)
        assert client.instant("vector(7) > 6").samples[0].value == 7.0
        assert client.instant("scalar(vector(2))").samples[0].value == 2.0
        now = datetime.now(UTC)
        window = Window(start=now - timedelta(minutes=5), end=now)
        assert len(client.range("vector(1)", window, timedelta(minutes=1)).tracks[0].points) == 6
        for query in (
            "up{",
            "vector(1) + on () group_left () up @ start(",
            "label_replace(up, '', '', '', '(')",
        ):
            with pytest.raises(PrometheusError) as caught:
                client.instant(query)
            assert type(caught.value) is PrometheusRefused
