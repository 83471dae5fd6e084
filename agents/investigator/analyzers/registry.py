"""The one list of analyzers and of the codes they report, and the one way to run them."""

from __future__ import annotations

from agents.incident import Finding
from agents.investigator.analyzers.addons import AddonCode, addons
from agents.investigator.analyzers.api_extension import ExtensionCode, api_extensions
from agents.investigator.analyzers.claim import ClaimCode, claims
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.config import ConfigCode, config
from agents.investigator.analyzers.configmap import ConfigMapCode, configmaps
from agents.investigator.analyzers.control_plane import ControlPlaneCode, control_plane
from agents.investigator.analyzers.crash import crash_loops
from agents.investigator.analyzers.creation import CreationCode, creations
from agents.investigator.analyzers.cronjob import CronJobCode, cronjobs
from agents.investigator.analyzers.daemonset import DaemonSetCode, daemonsets
from agents.investigator.analyzers.dependency import DependencyCode, dependencies
from agents.investigator.analyzers.deployment import deployments
from agents.investigator.analyzers.ended import EndedCode, ended
from agents.investigator.analyzers.endpoints import EndpointsCode, partly_ready
from agents.investigator.analyzers.gateway import GatewayCode, gateways
from agents.investigator.analyzers.hpa import HpaCode, autoscalers
from agents.investigator.analyzers.image import images
from agents.investigator.analyzers.ingress import IngressCode, ingresses
from agents.investigator.analyzers.job import JobCode, jobs
from agents.investigator.analyzers.log import logs
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_said import said_in_logs
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.metric_pods import pod_metrics
from agents.investigator.analyzers.metric_services import service_metrics
from agents.investigator.analyzers.metric_stores import store_metrics
from agents.investigator.analyzers.namespace import NamespaceCode, namespaces
from agents.investigator.analyzers.network_calls import CallCode, denied_calls
from agents.investigator.analyzers.network_policy import PolicyCode, network_policies
from agents.investigator.analyzers.node import nodes
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.oom import out_of_memory
from agents.investigator.analyzers.operators import operators
from agents.investigator.analyzers.operators_codes import OperatorCode
from agents.investigator.analyzers.pdb import PdbCode, budgets
from agents.investigator.analyzers.ports import PortsCode, ports
from agents.investigator.analyzers.probes import ProbeCode, probes
from agents.investigator.analyzers.quota import QuotaCode, quotas
from agents.investigator.analyzers.rollout import RolloutCode, rollouts
from agents.investigator.analyzers.room import RoomCode, room
from agents.investigator.analyzers.route import RouteCode, routes
from agents.investigator.analyzers.scheduling import SchedulingCode, scheduling
from agents.investigator.analyzers.security import SecurityCode, security
from agents.investigator.analyzers.service import services
from agents.investigator.analyzers.service_wiring import WiringCode, wiring
from agents.investigator.analyzers.snapshot import Analyzer, Snapshot
from agents.investigator.analyzers.starting import StartingCode, starting
from agents.investigator.analyzers.statefulset import StatefulSetCode, statefulsets
from agents.investigator.analyzers.storage import StorageCode, storage
from agents.investigator.analyzers.terminating import TerminatingCode, terminating
from agents.investigator.analyzers.webhook import WebhookCode, webhooks

ANALYZERS: tuple[Analyzer, ...] = (
    images,
    crash_loops,
    out_of_memory,
    services,
    deployments,
    autoscalers,
    budgets,
    config,
    configmaps,
    creations,
    cronjobs,
    daemonsets,
    dependencies,
    ended,
    jobs,
    logs,
    said_in_logs,
    ports,
    probes,
    quotas,
    rollouts,
    scheduling,
    room,
    starting,
    statefulsets,
    terminating,
    # What they are served by and run on.
    partly_ready,
    ingresses,
    wiring,
    gateways,
    routes,
    network_policies,
    claims,
    storage,
    nodes,
    namespaces,
    api_extensions,
    webhooks,
    security,
    operators,
    addons,
    denied_calls,
    control_plane,
    # What their series tell.
    pod_metrics,
    store_metrics,
    service_metrics,
)
FAMILIES: tuple[type[Coded], ...] = (
    Code,
    ConfigCode,
    ConfigMapCode,
    CreationCode,
    CronJobCode,
    DaemonSetCode,
    DependencyCode,
    EndedCode,
    HpaCode,
    JobCode,
    LogCode,
    PdbCode,
    PortsCode,
    ProbeCode,
    QuotaCode,
    RolloutCode,
    SchedulingCode,
    RoomCode,
    StartingCode,
    StatefulSetCode,
    TerminatingCode,
    # What they are served by and run on.
    EndpointsCode,
    IngressCode,
    WiringCode,
    GatewayCode,
    RouteCode,
    PolicyCode,
    ClaimCode,
    StorageCode,
    NodeCode,
    NamespaceCode,
    ExtensionCode,
    WebhookCode,
    SecurityCode,
    OperatorCode,
    AddonCode,
    CallCode,
    ControlPlaneCode,
    # What their series tell.
    MetricCode,
)
CODES: tuple[Coded, ...] = tuple(code for family in FAMILIES for code in family)
"""Every condition that can be found; ``docs/analyzers.md`` is generated from here."""


def analyze(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Every finding of every analyzer, in a stable order: by code, then by object."""
    found = (finding for analyzer in ANALYZERS for finding in analyzer(snapshot))
    return tuple(sorted(found, key=lambda finding: (finding.code, finding.object.key)))
