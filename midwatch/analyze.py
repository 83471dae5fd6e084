"""``midwatch analyze``: what is wrong in a cluster or in a saved list of objects, without an alert."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import CHECK, Config, settings_of
from midwatch.completion import kinds as kinds_of
from midwatch.terminal import FINE, FOUND, end, work

if TYPE_CHECKING:
    from agents.investigator.examined import Extras
    from agents.investigator.looking import Looked


class Output(StrEnum):
    """What is printed."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


Namespace = Annotated[
    str, typer.Option("--namespace", "-n", help="Where to look; else the namespace of the kubeconfig.")
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look in all namespaces.")]
Snapshot = Annotated[
    str, typer.Option(help="A file that `kubectl get -o json` or yaml wrote, instead; - is standard input.")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--filter", help="Only this kind; may be given again.", autocompletion=kinds_of),
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
Explain = Annotated[bool, typer.Option(help="Say of each finding what it means and what it was read from.")]


def analyze(  # noqa: PLR0913, PLR0917  (each is an option of the command, and has its default)
    namespace: Namespace = "",
    everywhere: Everywhere = False,
    snapshot: Snapshot = "",
    kinds: Kinds = None,
    output: Format = Output.TABLE,
    explain: Explain = False,
    config: Config = None,
) -> None:
    """Say what is wrong in a cluster, and which causes explain it. Changes nothing.

    Exit 0 when nothing is found, 1 when something is, 2 when nothing could be looked at.
    """
    from agents.investigator.survey import survey
    from midwatch.analyze_text import PRINTED

    if snapshot:
        looked = _of_file(snapshot, "" if everywhere else namespace)
    else:
        looked = _of_cluster(config, None if everywhere else namespace)
    asked, seen = {kind.lower() for kind in kinds or ()}, {kind.lower() for kind in looked.kinds}
    if asked - seen:
        # A kind that was mistyped must not read as healthy.
        known = ", ".join(sorted(looked.kinds)) or "none"
        end(f"no {', '.join(sorted(asked - seen))} was looked at; looked at: {known}")
    found = survey(looked.snapshot, frozenset(asked), _extras(config))
    PRINTED[output.value](found, looked.queries, explain)
    raise typer.Exit(FOUND if found.findings else FINE)


def _extras(config: Path | None) -> Extras:
    from agents.investigator.analyzers.outside import UnfitAnalyzer
    from agents.investigator.silenced import SilenceError
    from midwatch.extras import extras_of

    try:
        return extras_of(settings_of(config))
    except (UnfitAnalyzer, SilenceError) as problem:
        end(str(problem), then="mend what the settings `analyzers` and `silences_file` name")


def _of_file(name: str, namespace: str) -> Looked:
    from agents.investigator.looking import NoSnapshot, in_file

    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return in_file(content, "standard input" if name == "-" else name, namespace)
    except (OSError, NoSnapshot) as problem:
        end(str(problem), then="`kubectl get all,events -o json` writes such a file")


def _of_cluster(config: Path | None, namespace: str | None) -> Looked:
    """A look with the reader's kubeconfig, or else the caller's own; None is every namespace."""
    from agents.investigator.looking import at_cluster
    from tools.kubernetes.client import connect, context_namespace
    from tools.kubernetes.errors import KubernetesError

    kubeconfig = settings_of(config).reader_kubeconfig or _own()
    try:
        cluster = connect(kubeconfig, "analyze")
        place = "" if namespace is None else namespace or context_namespace(kubeconfig)
        with work("looking") as doing:
            looked = at_cluster(cluster, place, doing.words)
        cluster.close()
    except KubernetesError as problem:
        end(f"nothing could be looked at: {problem}", then=CHECK)
    if looked.blind:
        end(
            f"nothing could be looked at: {looked.blind}",
            then="`-n` names a namespace, `-A` looks in all of them",
        )
    return looked


def _own() -> Path | None:
    """The kubeconfig that kubectl would use here; None is a Pod's own account."""
    named = os.environ.get("KUBECONFIG", "").partition(os.pathsep)[0]
    path = Path(named) if named else Path.home() / ".kube" / "config"
    return path if named or path.exists() else None
