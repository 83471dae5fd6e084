"""``midwatch analyze``: at a cluster with the reader's rights, over a saved list, and without either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from evals.world.datacentre import DataCentre
from midwatch.cli import app
from tests.support.datacentre import data_centre, wait_until
from tests.support.kube_objects import crashing, deployment, meta, replicaset, service, template

Json = dict[str, Any]


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place without a kubeconfig."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MIDWATCH_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def run(*words: str, given: str = "") -> Result:
    found = CliRunner().invoke(app, ["analyze", *words], input=given)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def listed(*objects: Json) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


PARKED = listed(deployment("web", replicas=0, available=0), service("web", {"app": "web"}))


def saved(folder: Path, text: str) -> str:
    file = folder / "objects"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_saved_list_is_told_with_its_cause(idle: Path) -> None:
    found = run("--snapshot", saved(idle, PARKED), "-o", "json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert set(told) == {"findings", "causes", "silenced", "not_checked", "evidence"}
    first = next(one for one in told["findings"] if one["object"]["kind"] == "Deployment")
    assert set(first) == {"code", "severity", "object", "message", "fields", "evidence"}
    assert first["object"] == {"kind": "Deployment", "namespace": "shop", "name": "web"}
    assert told["evidence"][first["evidence"][0]].endswith("/objects")
    (cause,) = told["causes"]
    assert (cause["code"], cause["confidence"], cause["unexplained"]) == (
        "deployment.scaled_to_zero",
        "high",
        [],
    )
    assert len(cause["explains"]) == 2


def test_what_is_healthy_is_nothing(idle: Path) -> None:
    found = run("--snapshot", saved(idle, listed(deployment("web"), replicaset(1))))
    assert (found.exit_code, "Nothing is wrong" in found.stdout) == (0, True)


@pytest.mark.parametrize("as_yaml", [False, True])
def test_standard_input_may_be_json_or_yaml(idle: Path, as_yaml: bool) -> None:
    text = yaml.safe_dump_all(json.loads(PARKED)["items"]) if as_yaml else PARKED
    found = run("--snapshot", "-", given=text)
    assert (found.exit_code, "is scaled to zero" in found.stdout) == (1, True)


def test_only_the_kinds_that_were_asked_for_are_told(idle: Path) -> None:
    file = saved(idle, PARKED)
    told = json.loads(run("--snapshot", file, "--filter", "service", "-o", "json").stdout)
    assert {one["object"]["kind"] for one in told["findings"]} == {"Service"}
    assert len(told["causes"]) == 1, "it explains what was asked about"
    none = run("--snapshot", file, "--filter", "Service", "--filter", "Pdo")
    assert (none.exit_code, "no pdo was looked at; looked at: Deployment, Service" in none.output) == (
        2,
        True,
    )


def test_a_namespace_leaves_the_others_out(idle: Path) -> None:
    file = saved(idle, PARKED)
    assert run("--snapshot", file, "-n", "elsewhere").exit_code == 2, "mistyped is not healthy"
    assert run("--snapshot", file, "-n", "shop").exit_code == 1
    assert run("--snapshot", file, "-n", "elsewhere", "-A").exit_code == 1


def test_sarif_has_a_rule_for_each_result(idle: Path) -> None:
    told = json.loads(run("--snapshot", saved(idle, PARKED), "-o", "sarif").stdout)
    (one,) = told["runs"]
    rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
    assert told["version"] == "2.1.0"
    assert {result["ruleId"] for result in one["results"]} == set(rules)
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in one["results"])
    assert {result["level"] for result in one["results"]} <= {"error", "warning", "note"}


def test_explained_says_what_each_finding_means(idle: Path) -> None:
    said = run("--snapshot", saved(idle, PARKED), "--explain").stdout
    assert "asks for no replicas" in " ".join(said.split())
    assert "asks for no replicas" not in run("--snapshot", saved(idle, PARKED)).stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("", "holds no objects"),
        ('{"kind": "List", "items": []}', "holds no objects"),
        ("7", "no Kubernetes object"),
        ("[1]", "no Kubernetes object"),
        ('{"kind": "List", "items": [{"kind": "Pod"}]}', "item 0 is no Kubernetes object"),
        ('{"kind": "List", "items": [null]}', "item 0 is no Kubernetes object"),
        ('{"kind": "Pod", "metadata": {"name": 7}}', "no Kubernetes object"),
    ],
)
def test_a_file_that_holds_no_objects_is_told(idle: Path, text: str, words: str) -> None:
    found = run("--snapshot", saved(idle, text))
    assert (found.exit_code, words in found.output) == (2, True), found.output


def fed(name: str = "web") -> list[Json]:
    """What ``kubectl get all`` shows of a workload: not the ConfigMap and the Secret that it is fed from."""
    wanted = template(name, envFrom=[{"configMapRef": {"name": "flags"}}, {"secretRef": {"name": "key"}}])
    drawn = {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}
    kept = {
        "kind": "StatefulSet",
        "metadata": meta("StatefulSet", name),
        "spec": {"serviceName": name, "replicas": 1, "volumeClaimTemplates": [drawn]},
        "status": {"replicas": 1, "availableReplicas": 1},
    }
    return [
        deployment(name, template=wanted),
        replicaset(1, owner=name, template=wanted),
        kept,
        service(name),
    ]


def test_what_a_file_does_not_hold_was_not_asked_for(idle: Path) -> None:
    assert run("--snapshot", saved(idle, listed(*fed()))).exit_code == 0
    kept = [{"kind": kind, "metadata": meta(kind, "other")} for kind in ("ConfigMap", "Secret")]
    told = json.loads(run("--snapshot", saved(idle, listed(*fed(), *kept)), "-o", "json").stdout)
    codes = {one["code"] for one in told["findings"]}
    assert {"config.configmap_missing", "config.secret_missing"} <= codes
    assert told["not_checked"] == ["logs, metrics and kinds that are not in the file"]


def test_a_file_about_one_namespace_tells_nothing_of_another(idle: Path) -> None:
    route = {"kind": "HTTPRoute", "metadata": meta("HTTPRoute", "web"), "spec": {"rules": [
        {"backendRefs": [{"name": "far", "namespace": "other", "port": 80}]}]}}  # fmt: skip
    near = json.loads(run("--snapshot", saved(idle, listed(*fed(), route)), "-o", "json").stdout)
    assert "route.backend.service_missing" not in {one["code"] for one in near["findings"]}
    other = {"kind": "Service", "metadata": meta("Service", "near", namespace="other"), "spec": {}}
    wide = json.loads(run("--snapshot", saved(idle, listed(*fed(), route, other)), "-o", "json").stdout)
    assert "route.backend.service_missing" in {one["code"] for one in wide["findings"]}


def test_lists_within_lists_and_an_object_told_twice_are_read_once(idle: Path) -> None:
    whole = json.loads(PARKED)
    within = json.dumps({"kind": "List", "items": [whole, {"kind": "PodList", "items": []}, whole]})
    once, twice = (
        json.loads(run("--snapshot", saved(idle, text), "-o", "json").stdout) for text in (PARKED, within)
    )
    assert once["findings"] == twice["findings"] != []


def test_a_file_that_is_not_there_is_told(idle: Path) -> None:
    assert run("--snapshot", str(idle / "gone")).exit_code == 2


def test_without_a_cluster_nothing_is_looked_at(idle: Path) -> None:
    found = run()
    assert (found.exit_code, "nothing could be looked at" in found.output) == (2, True)


def test_a_colour_or_a_markup_in_an_object_stays_text(idle: Path) -> None:
    evil = crashing("web-[red]x", 1, "Error[/]")
    found = run("--snapshot", saved(idle, listed(evil)))
    assert found.exit_code in {0, 1}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("selector-mismatch", tmp_path_factory.mktemp("world")) as running:
        running.break_it()
        yield running


def test_a_cluster_is_read_with_the_readers_rights(
    idle: Path, monkeypatch: pytest.MonkeyPatch, centre: DataCentre
) -> None:
    monkeypatch.setenv("MIDWATCH_READER_KUBECONFIG", str(centre.kubernetes.kubeconfig("reader")))
    wait_until(lambda: run("-n", "shop").exit_code == 1)
    told = json.loads(run("-n", "shop", "-o", "json").stdout)
    assert "service.selector.matches_nothing" in {one["code"] for one in told["findings"]}
    assert told["causes"]
    found = next(one for one in told["findings"] if one["code"] == "service.selector.matches_nothing")
    assert "GET /api/v1/namespaces/shop/services" in [told["evidence"][each] for each in found["evidence"]]
    nowhere = run("-n", "shpo")
    assert (nowhere.exit_code, "there is no namespace shpo" in nowhere.output) == (2, True)
    everywhere = json.loads(run("-A", "-o", "json").stdout)
    assert {one["code"] for one in told["findings"]} <= {one["code"] for one in everywhere["findings"]}
    assert any("Secret" in gap for gap in everywhere["not_checked"]), "a refused read is never nothing"


def test_whoever_asks_may_bring_a_kubeconfig_of_their_own(
    idle: Path, monkeypatch: pytest.MonkeyPatch, centre: DataCentre
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(centre.kubernetes.kubeconfig("admin")))
    assert run("-A").exit_code == 1


def silent(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    entry = {
        "code": code,
        "namespace": "shop",
        "reason": "parked over winter",
        "until": "2099-01-01T00:00:00Z",
    }
    path = folder / "silences.yaml"
    path.write_text(yaml.safe_dump([entry]), encoding="utf-8")
    monkeypatch.setenv("MIDWATCH_SILENCES_FILE", str(path))


def test_what_is_silenced_is_counted_and_no_finding(idle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent(idle, monkeypatch, "deployment.scaled_to_zero")
    text = listed(deployment("web", replicas=0, available=0))
    found = run("--snapshot", saved(idle, text))
    assert (found.exit_code, "1 silenced" in found.stdout) == (0, True)
    told = json.loads(run("--snapshot", saved(idle, text), "-o", "json").stdout)
    assert [one["object"]["name"] for one in told["silenced"]] == ["web"]
    assert any("parked over winter" in gap for gap in told["not_checked"])


def test_a_silence_of_no_code_refuses_to_start(idle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent(idle, monkeypatch, "deployment.scaled_to_zer")
    found = run("--snapshot", saved(idle, PARKED))
    assert (found.exit_code, "did you mean deployment.scaled_to_zero?" in found.output) == (2, True)


def test_an_analyzer_that_is_not_installed_refuses_to_start(
    idle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDWATCH_ANALYZERS", '["nobody"]')
    found = run("--snapshot", saved(idle, PARKED))
    assert (found.exit_code, "analyzer nobody is not installed" in found.output) == (2, True)
