import json

import pytest

from kseq.export.litert import convert, worker


@pytest.fixture
def in_process(monkeypatch):
    """Conversions run in this process: a child that has TensorFlow to import takes seconds."""

    def run(directory, timeout):
        worker.main(directory)
        return json.loads((directory / worker.RESULT).read_text())

    monkeypatch.setattr(convert, "run_worker", run)
