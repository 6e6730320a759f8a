"""Says aloud what could not be checked."""

from __future__ import annotations

import pytest

from tests.unit.deployment.files import KUBECTL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line at the end of the run, however quiet it is."""
    if KUBECTL is None:
        terminalreporter.write_line(
            "kubectl is not on PATH: the overlays of k8s were checked as written, not as rendered"
        )
