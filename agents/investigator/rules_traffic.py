"""Effects of what stands between a request and the pods that answer it.

They lie above the pods: a Service without endpoints is nearly always somebody else's doing, unless its own
selector or port is wrong.
"""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.endpoints import EndpointsCode
from agents.investigator.analyzers.gateway import GatewayCode
from agents.investigator.analyzers.ingress import IngressCode
from agents.investigator.analyzers.network_calls import CallCode
from agents.investigator.analyzers.network_policy import PolicyCode
from agents.investigator.analyzers.route import RouteCode
from agents.investigator.analyzers.service_wiring import WiringCode
from agents.investigator.effects import Effect

TRAFFIC_ROWS: dict[Effect, tuple[Coded, ...]] = {
    Effect.WIRING: (
        Code.SELECTOR_MATCHES_NOTHING,
        WiringCode.NAME_UNKNOWN,
        WiringCode.NOT_DECLARED,
        WiringCode.PROTOCOL,
        WiringCode.TOO_WIDE,
        WiringCode.EXTERNAL_NAME,
        WiringCode.NO_LOCAL_POD,
        WiringCode.NO_LOAD_BALANCER,
    ),
    Effect.POLICY: (
        PolicyCode.CUT_OFF,
        CallCode.NOT_LET_IN,
        CallCode.NOT_LET_OUT,
        PolicyCode.NOT_FROM_OUTSIDE,
        PolicyCode.NO_DNS,
        PolicyCode.NO_PEER,
        PolicyCode.NO_PODS,
    ),
    Effect.EMPTY: (Code.ENDPOINTS_NONE_READY, EndpointsCode.SOME_NOT_READY, WiringCode.WARNED),
    Effect.ROUTE: (
        IngressCode.BACKEND_MISSING,
        IngressCode.BACKEND_PORT,
        IngressCode.CLASS_MISSING,
        IngressCode.CLASS_UNSET,
        IngressCode.SHADOWED,
        *(code for code in GatewayCode if code is not GatewayCode.CERTIFICATE_MISSING),
        *RouteCode,
    ),
    Effect.CERTIFICATE: (
        IngressCode.TLS_EXPIRED,
        IngressCode.TLS_MISSING,
        IngressCode.TLS_EMPTY,
        IngressCode.TLS_HOST,
        GatewayCode.CERTIFICATE_MISSING,
    ),
}
