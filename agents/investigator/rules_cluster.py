"""Effects of what everything runs on: nodes, volumes, the control plane, admission, operators.

They lie deepest: a node that is away explains its pods, and no pod explains a node.
"""

from __future__ import annotations

from agents.investigator.analyzers.addons import AddonCode
from agents.investigator.analyzers.api_extension import ExtensionCode
from agents.investigator.analyzers.claim import ClaimCode
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.control_plane import ControlPlaneCode
from agents.investigator.analyzers.hpa import HpaCode
from agents.investigator.analyzers.namespace import NamespaceCode
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.operators_codes import OperatorCode
from agents.investigator.analyzers.pdb import PdbCode
from agents.investigator.analyzers.security import SecurityCode
from agents.investigator.analyzers.storage import StorageCode
from agents.investigator.analyzers.webhook import WebhookCode
from agents.investigator.effects import Effect

CLUSTER_ROWS: dict[Effect, tuple[Coded, ...]] = {
    Effect.CONTROL: (ControlPlaneCode.LEADER_LOST, *ExtensionCode),
    Effect.NODE: (
        NodeCode.UNREACHABLE,
        NodeCode.RUNTIME_DOWN,
        NodeCode.NETWORK_PLUGIN,
        NodeCode.KERNEL,
        NodeCode.KUBELET,
        NodeCode.NOT_READY,
        NodeCode.NETWORK_UNAVAILABLE,
        ControlPlaneCode.HEARTBEAT,
        NodeCode.REBOOTED,
    ),
    Effect.STRAIN: (
        NodeCode.MEMORY_PRESSURE,
        NodeCode.DISK_PRESSURE,
        NodeCode.PID_PRESSURE,
        NodeCode.SYSTEM_OOM,
        NodeCode.RECLAIM,
        NodeCode.EVICTING,
        NodeCode.CONNTRACK,
        NodeCode.CLOCK,
        NodeCode.PROBLEM,
        NodeCode.CONDITION_UNKNOWN,
    ),
    Effect.CLOSED: (
        NodeCode.CORDONED,
        NodeCode.TAINTED,
        NodeCode.UNINITIALIZED,
        NodeCode.CIDR,
        NodeCode.FULL,
        NodeCode.DEVICES,
        NodeCode.NO_DEVICE_PLUGIN,
    ),
    Effect.VOLUME: (
        ClaimCode.LOST,
        ClaimCode.CLASS_MISSING,
        ClaimCode.TAKEN,
        ClaimCode.PROVISIONING_FAILED,
        ClaimCode.BINDING_FAILED,
        ClaimCode.NO_FIT,
        ClaimCode.CONTENDED,
        ClaimCode.RESIZE_FAILED,
        ClaimCode.PENDING,
        StorageCode.NO_NODE,
        StorageCode.FAILED,
        StorageCode.RELEASED,
    ),
    Effect.HOOK: (
        WebhookCode.SERVICE_MISSING,
        WebhookCode.NO_PODS,
        WebhookCode.NOT_READY,
        WebhookCode.TLS_REJECTED,
        WebhookCode.CA_EXPIRED,
        WebhookCode.CA_MISSING,
        WebhookCode.CALL_FAILED,
        WebhookCode.TIMEOUTS,
        WebhookCode.GUARDS_ITSELF,
        AddonCode.POLICY_NOT_READY,
    ),
    Effect.CERTIFICATE: (
        AddonCode.CERTIFICATE_EXPIRED,
        AddonCode.CERTIFICATE_NOT_READY,
        AddonCode.CERTIFICATE_EXPIRING,
    ),
    Effect.SCALER: (
        HpaCode.TARGET_MISSING,
        HpaCode.TARGET_UNSUPPORTED,
        HpaCode.TARGET_SHARED,
        HpaCode.MAXED_OUT,
        HpaCode.LIMITED,
        HpaCode.UNABLE,
        HpaCode.NO_REQUEST,
        HpaCode.INACTIVE,
        AddonCode.SCALER_TARGET,
        AddonCode.SCALER_NOT_READY,
        AddonCode.SCALER_FALLBACK,
        AddonCode.SCALER_PAUSED,
    ),
    Effect.SHORT: (PdbCode.NO_ROOM,),
    Effect.GONE: tuple(NamespaceCode),
    Effect.BUDGET: (
        PdbCode.SYNC_FAILED,
        PdbCode.OVERLAPS,
        PdbCode.BLOCKS_ALL,
        PdbCode.MATCHES_NOTHING,
    ),
    Effect.RIGHTS: (SecurityCode.ROLE_MISSING, SecurityCode.ACCOUNT_MISSING),
    Effect.OPERATOR: tuple(OperatorCode),
    Effect.NOTE: (
        ClaimCode.WAITS,
        ClaimCode.RESIZE_PENDING,
        ClaimCode.SMALL,
        ClaimCode.NO_CLASS,
        StorageCode.IN_TREE,
        StorageCode.NO_PROVISIONER,
        StorageCode.SEVERAL_DEFAULTS,
        StorageCode.SMALL,
        SecurityCode.DEFAULT_ACCOUNT,
        SecurityCode.ACCOUNT_SHARED,
        SecurityCode.PRIVILEGED,
        SecurityCode.HOST_ACCESS,
        SecurityCode.WILDCARD,
        AddonCode.POLICY_FAILURES,
    ),
}
