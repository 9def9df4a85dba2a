"""One version of a model, loaded."""

import json
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from kseq.environment import quiet_tensorflow
from kseq.serving.signature import Signature

DEFAULT = "serving_default"
GRAPH = "saved_model.pb"


class Version:
    """A SavedModel in `ROOT/NAME/VERSION/`, ready to answer.

    Args:
        path: the directory.

    Raises:
        Exception: whatever TensorFlow finds wrong with it.
    """

    def __init__(self, path: Path):
        self.name = path.parent.name
        self.number = int(path.name)
        self.path = path
        with quiet_tensorflow():
            self._model = tf.saved_model.load(str(path))  # its variables live as long as this
        self.signatures = {name: Signature(name, call) for name, call in self._model.signatures.items()}
        self.manifest = _object(path / "manifest.json")  # of exports that others made there is none
        self.signature_defs = _signature_defs(path)
        config = self.manifest.get("config")
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        for signature in self.signatures.values():
            signature.warm_up()


def _signature_defs(path: Path) -> dict[str, Any]:
    """The signatures as TensorFlow Serving's metadata describes them."""
    definitions = SavedModel.FromString((path / GRAPH).read_bytes()).meta_graphs[0].signature_def
    options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    return {name: MessageToDict(definition, **options) for name, definition in definitions.items()}


def _object(path: Path) -> dict[str, Any]:
    """The object of JSON in a file; nothing where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
