"""What a log line may hold, and what it never holds."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from shared.observability.names import LOG_FIELDS

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}

PROGRAM = """
import logging
from shared.observability.logs import configure, get_logger
from shared.observability.context import bound
configure("probe")
log = get_logger("test")
with bound(trace_id="t" * 32):
    log.info("turn_finished", call_sid="CA1", reason="mail jane@example.com", transcript="my secret words")
try:
    card = "4111 1111 1111 1111"
    raise ValueError("card " + card)
except ValueError:
    log.exception("background_task_failed")
logging.getLogger("some.library").warning("sent to %s", "+12025550142")
logging.getLogger("httpx").info("GET http://user:pw@host/?token=abc")
"""


def test_lines_are_json_redacted_and_closed_to_unlisted_fields() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    turn, failure, library = lines
    assert turn["event"] == "turn_finished"
    assert turn["call_sid"] == "CA1"
    assert turn["trace_id"] == "t" * 32
    assert turn["process"] == "probe"
    assert turn["reason"] == "mail [email]"
    assert "transcript" not in turn
    assert turn["field"] == "dropped unlisted: transcript"
    assert "ValueError" in failure["exception"]
    assert "4111" not in ran.stdout
    assert "secret words" not in ran.stdout
    assert library["event"] == "sent to [phone]"
    assert library["logger"] == "some.library"


def test_every_field_our_code_logs_is_listed_and_every_event_is_a_fixed_name() -> None:
    found = 0
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in METHODS or getattr(node.func.value, "id", "") not in {"log", "_log"}:
                continue
            found += 1
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            assert len(node.args) == 1, where
            assert isinstance(node.args[0], ast.Constant), where
            assert str(node.args[0].value).replace("_", "").isalnum(), where
            fields = {keyword.arg for keyword in node.keywords} - {"exc_info", None}
            assert fields <= LOG_FIELDS, f"{where}: {fields - LOG_FIELDS}"
    assert found >= 4
