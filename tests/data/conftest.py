import gzip
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets beside the repository."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not there (../shared/data beside the repository)")
    return folder


@pytest.fixture(scope="session")
def wikitext_test(real_data) -> str:
    path = real_data / "wikitext2" / "test.txt.gz"
    return gzip.decompress(path.read_bytes()).decode("utf-8")
