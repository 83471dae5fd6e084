"""The suite itself cannot reach the world; only a cluster that somebody named is let in."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.support.way_out import LOOPBACK, addresses_of, allowed

# TEST-NET-1 of RFC 5737: nobody lives there, so even a broken guard disturbs nobody.
NOWHERE = "192.0.2.7"


def test_a_test_cannot_connect_to_anything_but_loopback() -> None:
    with socket.socket() as probe:
        probe.settimeout(0.1)
        with pytest.raises(RuntimeError, match=NOWHERE):
            probe.connect((NOWHERE, 80))


@pytest.mark.skipif("MIDWATCH_CONTRACT_KUBECONFIG" in os.environ, reason="a real cluster was named")
def test_without_a_named_cluster_loopback_is_all_there_is() -> None:
    assert allowed() == LOOPBACK


def test_a_named_cluster_is_reached_at_the_addresses_of_its_kubeconfig(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(f"clusters: [{{name: real, cluster: {{server: 'https://{NOWHERE}:6443'}}}}]")
    assert addresses_of(kubeconfig) == {NOWHERE}
