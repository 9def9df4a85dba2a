"""Versions that are complete and checked, or are not there; with a function of one line."""

import hashlib
import json
import stat

import pytest
import tensorflow as tf

from kseq.errors import UserError
from kseq.export.saved_model import Endpoint, ExportError, save


def export(root, check=lambda loaded: {"double": 0.0}, factor=2.0, name="toy"):
    variable = tf.Variable(factor)
    module = tf.Module()
    module.variable = variable
    spec = tf.TensorSpec([None], tf.float32, "x")
    return save(
        [
            Endpoint("double", lambda x: {"y": variable * x}, [spec]),
            Endpoint("negate", lambda x: {"y": -x}, [spec]),
        ],
        check,
        root,
        name,
        track=[module],
        config={"units": 3},
        metrics={"test": {"nats": 1.5}},
        signatures={"double": "x -> 2 x"},
    )


def call(path, name="serving_default"):
    return tf.saved_model.load(str(path)).signatures[name](x=tf.constant([1.5]))["y"].numpy().tolist()


def test_versions_count_up_and_none_is_overwritten(tmp_path):
    first = export(tmp_path / "new" / "root")
    assert first == tmp_path / "new" / "root" / "toy" / "1"
    second = export(tmp_path / "new" / "root", factor=5.0)
    assert second.name == "2" and sorted(p.name for p in first.parent.iterdir()) == ["1", "2"]
    assert call(first) == [3.0] and call(second) == [7.5] == call(second, "double")
    assert call(second, "negate") == [-1.5]
    (first.parent / "41").mkdir()
    assert export(tmp_path / "new" / "root").name == "42"
    assert stat.S_IMODE(first.stat().st_mode) == 0o755  # another user's server may read it


def test_manifest(tmp_path):
    path = export(tmp_path, check=lambda loaded: {"double": 3e-6})
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["name"] == "toy" and manifest["version"] == 1 and manifest["config"] == {"units": 3}
    assert manifest["metrics"] == {"test": {"nats": 1.5}, "difference_from_model": {"double": 3e-6}}
    assert manifest["signatures"] == {"double": "x -> 2 x"}
    files = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == files and "saved_model.pb" in files
    digest = hashlib.sha256((path / "saved_model.pb").read_bytes()).hexdigest()
    assert manifest["files"]["saved_model.pb"]["sha256"] == digest


def broken(loaded):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("check", "error"),
    [
        (lambda loaded: {"fine": 1e-5, "double": 0.01}, ExportError),
        (lambda loaded: {"double": float("nan")}, ExportError),
        (broken, KeyboardInterrupt),
    ],
    ids=["differs", "nan", "stopped"],
)
def test_what_fails_leaves_nothing_behind(tmp_path, check, error):
    with pytest.raises(error):
        export(tmp_path, check)
    assert list(tmp_path.iterdir()) == []
    export(tmp_path)
    with pytest.raises(error):
        export(tmp_path, check)
    assert [p.name for p in (tmp_path / "toy").iterdir()] == ["1"]


def test_the_check_sees_the_export_as_it_was_loaded(tmp_path):
    seen = []
    export(tmp_path, lambda loaded: seen.append(loaded.signatures["double"](x=tf.constant([4.0]))) or {})
    assert seen[0]["y"].numpy().tolist() == [8.0]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for root, name in ((tmp_path / "file", "toy"), (tmp_path, "file")):
        with pytest.raises(UserError, match="cannot write the export `.*file.*`: "):
            export(root, name=name)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
