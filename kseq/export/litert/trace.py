"""Functions as the SavedModel that the converter takes."""

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from kseq.environment import quiet_tensorflow
from kseq.export.litert.lstm import Decision, FusedLSTM
from kseq.export.litert.stock import in_our_loops
from kseq.export.saved_model import NO_GRADIENTS, Endpoint
from kseq.ops.lowering import Target, traced_for
from kseq.ops.plan import portable


def save_traced(
    endpoints: Sequence[Endpoint], track: Collection[Any], path: Path, form: str, refused: Collection[str]
) -> tuple[Decision, ...]:
    """Write the SavedModel that is converted, and tell what became of each recurrence in it.

    Args:
        endpoints: the signatures.
        track: models and layers whose variables they use.
        path: of the SavedModel, replaced if it is there.
        form: `"fused"`, `"loop"` or `"unrolled"`.
        refused: names of calls that must stay loops.
    """
    shutil.rmtree(path, ignore_errors=True)
    fused = FusedLSTM(form, refused)
    module = tf.Module()
    # the variables alone: those that a tracked Keras model tells of are not frozen
    module.variables_of_model = [variable.value for layer in track for variable in layer.variables]
    target = Target(sequence=fused, unroll=form == "unrolled", double=False)
    with quiet_tensorflow(), portable(), traced_for(target), in_our_loops():
        functions = {e.name: tf.function(e.function, input_signature=e.inputs) for e in endpoints}
        for one, function in functions.items():  # the converter freezes what it finds under these names
            setattr(module, one, function)
        tf.saved_model.save(module, str(path), signatures=functions, options=NO_GRADIENTS)
    return tuple(fused.decisions)
