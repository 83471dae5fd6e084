"""Which codes are never causes, and which are causes although they are only information by themselves."""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.config import ConfigCode
from agents.investigator.analyzers.cronjob import CronJobCode
from agents.investigator.analyzers.daemonset import DaemonSetCode
from agents.investigator.analyzers.endpoints import EndpointsCode
from agents.investigator.analyzers.job import JobCode
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_heard import ABOUT_A_PARTY
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.pdb import PdbCode
from agents.investigator.analyzers.probes import ProbeCode
from agents.investigator.analyzers.quota import QuotaCode
from agents.investigator.analyzers.rollout import RolloutCode
from agents.investigator.analyzers.service_wiring import WiringCode
from agents.investigator.analyzers.statefulset import StatefulSetCode

SYMPTOMS: frozenset[Coded] = frozenset(
    (
        Code.REPLICAS_SHORT,
        Code.PROGRESS_DEADLINE,
        Code.ENDPOINTS_NONE_READY,
        RolloutCode.REPLICA_FAILURE,
        RolloutCode.SCALING_LAGS,
        StatefulSetCode.REPLICAS_SHORT,
        StatefulSetCode.POD_MISSING,
        StatefulSetCode.POD_NOT_RUNNING,
        StatefulSetCode.POD_NOT_READY,
        DaemonSetCode.NOT_READY,
        EndpointsCode.SOME_NOT_READY,
        PdbCode.NO_ROOM,
        ProbeCode.NOT_READY,
        JobCode.PODS_FAIL,
        CronJobCode.RUNS_MISSED,
        LogCode.ERROR_LINES,
        *ABOUT_A_PARTY,
        WiringCode.WARNED,
        MetricCode.ERRORS_ROSE,
        MetricCode.LATENCY_ROSE,
        QuotaCode.DEFAULT_KILLS,
    )
)
CIRCUMSTANCES: frozenset[Coded] = frozenset(
    (RolloutCode.ROLLED_OUT, MetricCode.MEMORY_NEAR_LIMIT, MetricCode.THROTTLED)
)
"""What comes about every day and may have done no harm: where it is mere information it is suspected only of
requests that fail or slow down soon after, and only where nothing better explains them."""
QUIET: frozenset[Coded] = frozenset(
    (
        Code.OOM_KILLED,
        Code.SCALED_TO_ZERO,
        StatefulSetCode.SCALED_TO_ZERO,
        ConfigCode.CHANGED_SINCE_START,
        RolloutCode.PAUSED,
        CronJobCode.SUSPENDED,
        JobCode.SUSPENDED,
        NodeCode.CORDONED,
        NodeCode.TAINTED,
        NodeCode.REBOOTED,
        QuotaCode.NEARLY_USED_UP,
        *CIRCUMSTANCES,
    )
)
