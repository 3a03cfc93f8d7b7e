import os
from collections.abc import Iterator

import pytest

from tests.evaluating.conftest import evaluated, made  # noqa: F401
from tests.exports.receiver import Receiver, receive
from tests.report.conftest import distilled_run, quick_run  # noqa: F401
from tests.run.conftest import tiny  # noqa: F401


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A collector that the standard variable names; the other variables of OpenTelemetry are not set."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with receive() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        yield receiver
