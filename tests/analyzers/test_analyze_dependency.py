"""Where env values point: what nobody serves is found, and no value gets past the reader's door."""

from __future__ import annotations

import json

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.dependency import dependencies
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import Json, deployment, meta, service, template
from tests.support.scenes import scene
from tools.kubernetes.addresses import Address, parsed
from tools.kubernetes.cleaning import cleaned
from tools.kubernetes.inventory import Inventory


def calls(**env: str) -> Json:
    return deployment(template=template(env=[{"name": name, "value": value} for name, value in env.items()]))


def db(port: int = 5432, **spec: object) -> Json:
    return service("db", ports=[{"port": port}], **spec)


def found(*objects: Json, whole: bool = True) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(dependencies(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


@pytest.mark.parametrize(
    "env",
    [
        {"DB_URL": "postgres://shop:s3cret@db:5433/orders?sslmode=off"},
        {"DB_URL": "postgres://db.shop.svc.cluster.local:5433"},
        {"DB_ADDR": "db:5433"},
        {"DB_SERVERS": "db.shop:5433"},
        {"DB_HOST": "db", "DB_PORT": "5433"},
    ],
)
def test_a_port_that_the_service_does_not_serve_is_found(env: dict[str, str]) -> None:
    (finding,) = found(calls(**env), db())
    assert finding.code == "config.address_wrong_port"
    assert finding.fields == {
        "container": "web",
        "env": next(iter(env)),
        "service": "db",
        "service_namespace": "shop",
        "port": 5433,
        "ports": [5432],
    }


def test_a_service_that_does_not_exist_is_found_by_its_name_in_the_cluster() -> None:
    (finding,) = found(calls(CACHE_URL="redis://cache.shop.svc:6379"), db())
    assert finding.code == "config.address_no_service"
    assert finding.fields["service"] == "cache"
    assert found(calls(CACHE_URL="redis://cache.shop.svc:6379"), whole=False) == []


@pytest.mark.parametrize(
    "healthy",
    [
        [calls(DB_URL="postgres://db:5432/orders"), db()],
        [calls(DB_URL="postgres://db/orders"), db()],
        [calls(DB_HOST="db"), db()],
        [calls(API="https://api.example.com:8443/v1"), db()],
        [calls(DB_ADDR="db:5433"), db(clusterIP="None")],
        [calls(DB_ADDR="db:5433"), db(type="ExternalName")],
        [calls(POD="http://db-0.db.shop.svc:5432"), db()],
        [calls(LOGIN="db:5433"), db()],
        [calls(DB_ADDR="db:5433"), service("db")],
        [calls(DB_ADDR="other:5433"), db()],
    ],
    ids=[
        "port served",
        "port of the scheme",
        "no port",
        "outside",
        "headless",
        "external",
        "one pod",
        "a login",
        "a Service without ports",
        "a host nobody knows",
    ],
)
def test_what_is_served_or_cannot_be_known_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []


def test_nothing_of_a_value_but_port_and_service_gets_past_the_door() -> None:
    obj = calls(
        DB_URL="postgres://shop:s3cret@db:5433/orders",
        BROKER_URL="amqp://mq.shop.svc/vhost",
        LOGIN="hunter:12345",
        HOST="internal-name",
    )
    kept = cleaned(obj)
    text = json.dumps(kept)
    for word in ("shop:s3cret", "s3cret", "orders", "vhost", "hunter", "12345", "internal-name"):
        assert word not in text
    assert [(one["env"], one.get("service"), one["port"]) for one in kept["addresses"]] == [
        ("DB_URL", None, 5433),
        ("BROKER_URL", "mq", 5672),
        ("HOST", None, None),
    ]
    assert cleaned(kept) == kept


def test_a_cronjob_s_values_are_read_as_deep_as_they_stand() -> None:
    job = {"spec": {"template": calls(DB_ADDR="db:5433")["spec"]["template"]}}
    nightly = {"kind": "CronJob", "metadata": meta("CronJob", "nightly"), "spec": {"jobTemplate": job}}
    assert [str(finding.object) for finding in found(nightly, db())] == ["CronJob shop/nightly"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("http://a.b:80/x", [Address("a.b", 80)]),
        ("https://a", [Address("a", 443)]),
        ("kafka-0:9092,kafka-1:9092", [Address("kafka-0", 9092), Address("kafka-1", 9092)]),
        ("user:p@ss@host:80", []),
        ("ftp://user:p@ss@host:80", []),
        ("a:99999", [Address("a", None)]),
        ("just words", []),
    ],
)
def test_addresses_are_read_as_they_are_written(value: str, read: list[Address]) -> None:
    assert list(parsed(value, named=True)) == read
