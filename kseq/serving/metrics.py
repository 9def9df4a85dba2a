"""What a server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from kseq.serving.repository import Repository
from kseq.serving.signature import Signature

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = tuple(2**n for n in range(11))
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Requests, their times, the size of batches, and what is loaded.

    Args:
        repository: whose versions are listed; only names of its models become labels, so that callers cannot
            invent series without end.
    """

    def __init__(self, repository: Repository):
        self._repository = repository
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "kseq_requests", "Requests answered.", ["model", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "kseq_request_seconds",
            "From the first byte read to the answer.",
            ["model", "method"],
            buckets=SECONDS,
            registry=registry,
        )
        self._rows = Histogram(
            "kseq_batch_rows", "Rows of a call.", ["signature"], buckets=ROWS, registry=registry
        )
        self._merged = Histogram(
            "kseq_batch_requests", "Requests of a call.", ["signature"], buckets=ROWS, registry=registry
        )
        self._loaded = Gauge(
            "kseq_version_loaded",
            "1 for every version that answers.",
            ["model", "version"],
            registry=registry,
        )
        self._failed = Gauge(
            "kseq_versions_failed", "Versions that cannot be loaded.", ["model"], registry=registry
        )

    def answered(self, model: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        model = model if model in self._repository.models else ""
        self._requests.labels(model, method, status).inc()
        self._seconds.labels(model, method).observe(seconds)

    def computed(self, signature: Signature, requests: int, rows: int) -> None:
        """Count a call."""
        self._rows.labels(signature.name).observe(rows)
        self._merged.labels(signature.name).observe(requests)

    def text(self) -> bytes:
        """Everything counted so far, in the format of Prometheus."""
        self._loaded.clear()
        self._failed.clear()
        for name, versions in self._repository.models.items():
            self._failed.labels(name).set(len(self._repository.failures(name)))
            for number in versions:
                self._loaded.labels(name, number).set(1)
        return generate_latest(self._registry)
