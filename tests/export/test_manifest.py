import hashlib
import json
from datetime import datetime, timezone

import numpy as np
import pytest

from kseq.export.manifest import next_version, write_manifest
from kseq.export.version import new_version


def test_versions_count_up(tmp_path):
    assert next_version(tmp_path, "lm") == 1 and not (tmp_path / "lm").exists()
    for entry in ("1", "2", "10", "notes", ".11", "-3", "4.5"):
        (tmp_path / "lm" / entry).mkdir(parents=True)
    assert next_version(tmp_path, "lm") == 11
    assert next_version(tmp_path, "other") == 1


def manifest(directory, **kwargs):
    arguments = {
        "name": "lm",
        "version": 3,
        "config": {"units": 4, "sizes": (1, 2)},
        "metrics": {"perplexity": np.float32(2.5)},
        "signatures": {"score": {"text": "string (batch,)"}},
    }
    path = write_manifest(directory, **arguments | kwargs)
    return json.loads(path.read_text(encoding="utf-8"))


def test_what_a_manifest_says(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "data").write_bytes(b"x" * (3 << 20))
    content = manifest(tmp_path)
    assert content["name"] == "lm" and content["version"] == 3
    assert content["config"] == {"units": 4, "sizes": [1, 2]}
    assert content["metrics"] == {"perplexity": 2.5}
    assert content["signatures"] == {"score": {"text": "string (batch,)"}}
    age = datetime.now(timezone.utc) - datetime.fromisoformat(content["created"])
    assert 0 <= age.total_seconds() < 60
    assert content["made_with"]["packages"]["keras"]
    assert list(content["files"]) == ["saved_model.pb", "variables/data"]
    sha = hashlib.sha256(b"x" * (3 << 20)).hexdigest()
    assert content["files"]["variables/data"] == {"bytes": 3 << 20, "sha256": sha}


def test_again_and_chosen_files(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    manifest(tmp_path)
    assert list(manifest(tmp_path)["files"]) == ["a", "b"]  # not the manifest itself
    assert list(manifest(tmp_path, files=["b"])["files"]) == ["b"]
    with pytest.raises(FileNotFoundError):
        manifest(tmp_path, files=["c"])


def test_a_version_is_there_as_a_whole_or_not_at_all(tmp_path):
    for number in ("1", "7"):
        (tmp_path / "toy" / number).mkdir(parents=True)
    with new_version(tmp_path, "toy") as version:
        (version.directory / "file").write_text("there")
        (tmp_path / "toy" / "8").mkdir()  # by another
    assert version.number == 9 and (tmp_path / "toy" / "9" / "file").read_text() == "there"
    with pytest.raises(KeyError), new_version(tmp_path, "other"):
        raise KeyError
    assert not (tmp_path / "other").exists()
