"""Effects of what is seen of pods, of what makes them, and of what they are given.

Within one effect the order counts: of two conditions of one object the first is the more telling.
"""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.codes import IMAGE_CODES, Code
from agents.investigator.analyzers.config import ConfigCode
from agents.investigator.analyzers.configmap import ConfigMapCode
from agents.investigator.analyzers.creation import CreationCode
from agents.investigator.analyzers.cronjob import CronJobCode
from agents.investigator.analyzers.daemonset import DaemonSetCode
from agents.investigator.analyzers.dependency import DependencyCode
from agents.investigator.analyzers.ended import EndedCode
from agents.investigator.analyzers.job import JobCode
from agents.investigator.analyzers.ports import PortsCode
from agents.investigator.analyzers.probes import ProbeCode
from agents.investigator.analyzers.quota import QuotaCode
from agents.investigator.analyzers.rollout import RolloutCode
from agents.investigator.analyzers.room import RoomCode
from agents.investigator.analyzers.scheduling import SchedulingCode
from agents.investigator.analyzers.starting import StartingCode
from agents.investigator.analyzers.statefulset import StatefulSetCode
from agents.investigator.analyzers.terminating import TerminatingCode
from agents.investigator.effects import Effect

POD_ROWS: dict[Effect, tuple[Coded, ...]] = {
    Effect.IMAGE: tuple(code for code in Code if code in IMAGE_CODES),
    Effect.CREDENTIAL: (ConfigCode.PULL_SECRET_MISSING,),
    Effect.QUOTA: (
        QuotaCode.USED_UP,
        QuotaCode.NEARLY_USED_UP,
        QuotaCode.FORBIDS_TEMPLATE,
        QuotaCode.PRIORITY_CLASS_MISSING,
    ),
    Effect.REFUSED: tuple(code for code in CreationCode if code is not CreationCode.DELETE_FAILED),
    Effect.SETTING: (
        ConfigCode.CONFIGMAP_MISSING,
        ConfigCode.SECRET_MISSING,
        ConfigCode.KEY_MISSING,
        StatefulSetCode.SERVICE_MISSING,
        ProbeCode.WRONG_PORT,
        ProbeCode.WRONG_PROTOCOL,
    ),
    Effect.VOLUME: (StatefulSetCode.STORAGE_CLASS_MISSING,),
    Effect.TAKEN: (RoomCode.TAKEN,),
    Effect.PLACE: (
        SchedulingCode.UNSCHEDULABLE,
        SchedulingCode.GATED,
        SchedulingCode.NO_SCHEDULER,
        DaemonSetCode.NO_NODE,
    ),
    Effect.CHANGED: (ConfigCode.CHANGED_SINCE_START,),
    Effect.ADDRESS: (DependencyCode.NO_SERVICE, DependencyCode.WRONG_PORT),
    Effect.MEMORY: (Code.OOM_KILLED,),
    Effect.KILLED: (ProbeCode.START_TOO_TIGHT, ProbeCode.KILLS, PortsCode.CONFLICT),
    Effect.CRASH: (Code.CRASH_LOOP, EndedCode.CONTAINER, QuotaCode.DEFAULT_KILLS),
    Effect.START: (
        StartingCode.SANDBOX,
        StartingCode.MOUNT,
        StartingCode.ATTACH,
        StartingCode.NODE_SILENT,
        StartingCode.CONFIG,
        StartingCode.CREATE,
        StartingCode.RUN,
        StartingCode.HOOK,
    ),
    Effect.READY: (ProbeCode.TOO_SLOW, ProbeCode.FAILS, ProbeCode.GATE, ProbeCode.NOT_READY),
    Effect.GONE: (
        EndedCode.EVICTED,
        EndedCode.REFUSED,
        EndedCode.LOST,
        EndedCode.DEADLINE,
        SchedulingCode.PREEMPTED,
        TerminatingCode.FINALIZER,
        TerminatingCode.OVERDUE,
        CreationCode.DELETE_FAILED,
    ),
    Effect.HELD: (RolloutCode.PAUSED, RolloutCode.NOT_OBSERVED),
    Effect.ROLLED: (RolloutCode.ROLLED_OUT,),
    Effect.IDLE: (Code.SCALED_TO_ZERO, StatefulSetCode.SCALED_TO_ZERO),
    Effect.SHORT: (
        Code.REPLICAS_SHORT,
        Code.PROGRESS_DEADLINE,
        RolloutCode.REPLICA_FAILURE,
        RolloutCode.SCALING_LAGS,
        StatefulSetCode.REPLICAS_SHORT,
        StatefulSetCode.POD_MISSING,
        StatefulSetCode.POD_NOT_RUNNING,
        StatefulSetCode.POD_NOT_READY,
        DaemonSetCode.NOT_READY,
    ),
    Effect.FAILED: (JobCode.DEADLINE_EXCEEDED, JobCode.FAILED, JobCode.PODS_FAIL),
    Effect.RUN: (
        JobCode.SUSPENDED,
        JobCode.HELPER_RUNS_ON,
        CronJobCode.SUSPENDED,
        CronJobCode.SCHEDULE_INVALID,
        CronJobCode.DEADLINE_NEGATIVE,
        CronJobCode.DEADLINE_SHORT,
        CronJobCode.RUN_BLOCKED,
        CronJobCode.RUNS_MISSED,
    ),
    Effect.NOTE: (
        RolloutCode.ALL_UNAVAILABLE,
        DaemonSetCode.MISSCHEDULED,
        StatefulSetCode.SERVICE_UNNAMED,
        QuotaCode.SEVERAL_DEFAULTS,
        *ConfigMapCode,
    ),
}
