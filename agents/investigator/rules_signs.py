"""Effects of what logs and metrics tell."""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_heard import ABOUT_A_PARTY
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.effects import Effect

SIGN_ROWS: dict[Effect, tuple[Coded, ...]] = {
    Effect.STRAIN: (MetricCode.PRESSURE, MetricCode.GPU_ERROR),
    Effect.VOLUME: (MetricCode.VOLUME_FILLING, MetricCode.INODES_FILLING),
    Effect.SLOW: (MetricCode.THROTTLED,),
    Effect.MEMORY: (MetricCode.GPU_MEMORY_FULL,),
    Effect.SCALER: (MetricCode.MAXED_OUT, MetricCode.MODEL_QUEUEING, MetricCode.MODEL_CACHE_FULL),
    Effect.ERRORS: (LogCode.ERROR_LINES,),
    Effect.HEARD: tuple(code for code in LogCode if code in ABOUT_A_PARTY),
    Effect.TIGHT: (MetricCode.MEMORY_NEAR_LIMIT,),
    Effect.SIGNAL: (MetricCode.ERRORS_ROSE, MetricCode.LATENCY_ROSE),
    Effect.NOTE: (
        MetricCode.RESTARTING,
        MetricCode.TRAFFIC_ROSE,
        MetricCode.TRAFFIC_FELL,
        MetricCode.ORIGIN,
        # What a log says is told beside a cause and makes none: whoever writes logs would choose it.
        *(code for code in LogCode if code not in {LogCode.ERROR_LINES, *ABOUT_A_PARTY}),
    ),
}
