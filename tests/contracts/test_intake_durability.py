"""On the disk before it is acknowledged: a killed process proves nothing about a power cut (property P13)."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.datacentre import wait_until
from tests.support.intake_server import ROOT, intake_process
from tests.support.patience import PATIENCE_S

GOOD = (ROOT / "tests" / "fixtures" / "alertmanager" / "single_firing.json").read_bytes()
POSTS = 25
_CALLS = "fsync,fdatasync,pwrite64,read,recvfrom,write,writev,sendto,sendmsg"
_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)")


def strace(log: Path) -> list[str]:
    """The command that notes what a command asks of the kernel, and leaves its process id as it is."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    if subprocess.run([found, "-o", str(log), "true"], capture_output=True, check=False).returncode:
        pytest.skip("ptrace is not permitted here")
    return [found, "-D", "-f", "--seccomp-bpf", "-yy", "-s", "40", "-e", f"trace={_CALLS}", "-o", str(log)]


def answers(trace: list[str], log_of_database: str) -> list[tuple[bool, bool]]:
    """Of each 200: was the database's log written since the request came, and is all of it synced?"""
    found: list[tuple[bool, bool]] = []
    written = dirty = False
    syncing: set[str] = set()
    for line in trace:
        said = _CALL.match(line)
        if said is None:
            continue
        thread, call = said.groups()
        if call == "pwrite64" and log_of_database in line:
            written = dirty = True
        elif call in {"fsync", "fdatasync"}:
            ours = log_of_database in line or thread in syncing
            syncing.discard(thread)
            if ours and "<unfinished" in line:
                syncing.add(thread)
            elif ours and line.endswith("= 0"):
                dirty = False
        elif "POST /alertmanager" in line:
            written = False
        elif "HTTP/1.1 200" in line:
            found.append((written, not dirty))
    return found


@pytest.mark.proof
def test_p13_the_log_of_the_database_is_synced_before_every_200(tmp_path: Path) -> None:
    log = tmp_path / "strace.log"
    with intake_process(f"sqlite:///{tmp_path}/ledger.db", before=strace(log)) as (server, port):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            for number in range(POSTS):
                content = GOOD.replace(b"KubePod", b"KubePod%d" % number)
                assert client.post("/alertmanager", content=content).status_code == 200
        server.kill()
        # The tracer is a process of its own and writes down the end of the one it follows.
        wait_until(lambda: re.search(rf"^{server.pid} +\+\+\+ killed", log.read_text(), re.M))
    told = answers(log.read_text().splitlines(), "/ledger.db-wal>")
    assert told == [(True, True)] * POSTS


WRITE, SYNC = "1 pwrite64(3</l-wal>, x, 9, 0) = 9", "1 fdatasync(3</l-wal>) = 0"
BEGIN, END = "1 fdatasync(3</l-wal> <unfinished ...>", "1 <... fdatasync resumed>) = 0"
ASKED, ANSWER = '2 recvfrom(4, "POST /alertmanager", 99) = 99', '2 sendto(4, "HTTP/1.1 200 OK"'


@pytest.mark.parametrize(
    ("trace", "kept"),
    [
        ([ASKED, WRITE, SYNC, ANSWER], (True, True)),
        ([ASKED, WRITE, BEGIN, END, ANSWER], (True, True)),
        ([ASKED, WRITE, ANSWER, SYNC], (True, False)),
        ([ASKED, WRITE, BEGIN, ANSWER, END], (True, False)),
        ([ASKED, WRITE, SYNC.replace("l-wal", "other"), ANSWER], (True, False)),
        ([ASKED, WRITE, SYNC.replace("= 0", "= -1 EIO"), ANSWER], (True, False)),
        ([WRITE, SYNC, ASKED, ANSWER, WRITE, SYNC], (False, True)),
    ],
)
def test_what_reads_the_trace_sees_an_answer_that_came_too_early(
    trace: list[str], kept: tuple[bool, bool]
) -> None:
    assert answers(trace, "l-wal>") == [kept]
