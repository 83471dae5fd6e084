"""The conditions of the Operator Lifecycle Manager's objects."""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded


class OperatorCode(Coded):
    """Conditions of catalogues, subscriptions and what they install."""

    CATALOG_SOURCE = (
        "catalogsource.not_connected",
        "The manager has no connection to a catalogue.",
        "status.connectionState",
    )
    CLUSTER_CATALOG = (
        "clustercatalog.not_serving",
        "A catalogue cannot be unpacked or is not served.",
        "the conditions Progressing and Serving",
    )
    EXTENSION = (
        "clusterextension.not_installed",
        "An extension is not installed, or its installation is tried again and again.",
        "the conditions Progressing and Installed",
    )
    EXTENSION_SOURCE = (
        "clusterextension.unknown_source",
        "An extension names a kind of source that there is not.",
        "spec.source.sourceType",
    )
    EXTENSION_POLICY = (
        "clusterextension.unknown_policy",
        "An extension names an upgrade policy that there is not.",
        "spec.source.catalog.upgradeConstraintPolicy",
    )
    VERSION_FAILED = (
        "clusterserviceversion.failed",
        "An operator could not be installed.",
        "status.phase, reason and message, the conditions",
    )
    PLAN_FAILED = (
        "installplan.failed",
        "A plan to install or upgrade an operator failed.",
        "status.phase, the conditions",
    )
    PLAN_WAITS = (
        "installplan.waits_for_approval",
        "A plan to install or upgrade an operator waits for a person.",
        "status.phase",
    )
    SUBSCRIPTION = (
        "subscription.troubled",
        "A subscription cannot resolve or install what it asks for.",
        "status.state, the conditions",
    )
    UPGRADE = ("subscription.upgrade_available", "An operator has a newer version.", "status.state")
    GROUPS = (
        "operatorgroup.several",
        "A namespace has more than one OperatorGroup, so that none of its operators is installed.",
        "the OperatorGroups of the namespace",
    )
