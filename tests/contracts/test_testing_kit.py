"""The kit's page is true: each of its code blocks is written to a file and run, as a reader would."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evals.world.slack.api import METHODS
from tests.support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/testing-kit.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S)


def test_every_block_of_code_is_named_and_there_are_no_others() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert set(kinds) == {"python", "console"}
    assert all(re.match(r'"""\w+\.py', text) for kind, text in BLOCKS if kind == "python")


def test_the_app_and_all_its_tests_run_as_they_stand(tmp_path: Path) -> None:
    for kind, text in BLOCKS:
        if kind == "python":
            (tmp_path / re.findall(r'"""(\w+\.py)', text)[0]).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [*command, "-c", "/dev/null", str(tmp_path)],
        cwd=tmp_path,
        # Plug-ins of this repository are not the reader's, and cost seconds.
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) == len(re.findall(r"^def test_", PAGE, re.M)) + 2


def test_the_example_is_short() -> None:
    app = next(text for _, text in BLOCKS if text.startswith('"""lunch.py'))
    body = app[app.index("def lunch") :]
    assert len([line for line in app.splitlines() if line.strip()]) <= 36
    assert len([line for line in body.splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("line", [text for kind, text in BLOCKS if kind == "console"])
def test_the_command_prints_where_it_is_and_ends_when_told(line: str) -> None:
    words = line.removeprefix("$ python").split()
    words[words.index("--port") + 1] = "0"
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = json.loads(running.stdout.readline())
        running.terminate()
        assert running.wait(PATIENCE_S) == 0
    told = set(re.findall(r"`(\w+_url|\w+_token|signing_secret)`", PAGE.split("one line of JSON")[1]))
    assert told <= set(said)
    assert len(told) == 5


def test_the_page_lists_exactly_the_methods_there_are() -> None:
    listed = PAGE.split("\nMethods: ")[1].split("; any other")[0]
    family, found = "", set()
    for name in re.findall(r"`([\w.]+)`", listed):
        # `.update` after `chat.postMessage` is `chat.update`; `usergroups` has a method two names deep.
        family = family if name.startswith(".") else name.split(".")[0]
        found.add(family + name if name.startswith(".") else name)
    assert found == {*METHODS, "apps.connections.open"}
