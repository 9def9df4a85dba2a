"""LSTM loops as calls that the converter leaves whole, so that each becomes one fused operation."""

import dataclasses
from collections.abc import Collection
from typing import Any

import keras
import tensorflow as tf

from kseq.ops.lstm import LSTM, CoupledLSTM
from kseq.ops.recurrence import Recurrence, Tensors

Tensor = Any
PREFIX = "kseq_lstm_"
#: what may become of a recurrence
FORMS = {
    "fused": "fused UNIDIRECTIONAL_SEQUENCE_LSTM",
    "loop": "loop",
    "unrolled": "steps written out",
}
#: activations of the candidate and of the cell's way out that the fused operation knows
ACTIVATIONS = {keras.activations.tanh: "TANH", keras.activations.relu: "RELU"}


@dataclasses.dataclass(frozen=True)
class Decision:
    """What became of one recurrence.

    Args:
        name: of the call.
        where: scope of the layer in the graph.
        recurrence: what it computes, such as `"LSTM"`.
        form: one of `FORMS`.
        reason: why not, or what it needs.
        options: of the operation.
    """

    name: str
    where: str
    recurrence: str
    form: str
    reason: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.where}: {self.recurrence}, {FORMS[self.form]}: {self.reason}"

    @property
    def fused(self) -> bool:
        """Whether it is to be one operation."""
        return self.form == "fused"


class FusedLSTM:
    """Takes the place of `kseq.ops.bptt.sequence` while a model is traced.

    The fused operation keeps its states in variables of the interpreter from one invocation to the next.
    `kseq.export.litert.fuse` writes the initial states into them in front of it, so that an invocation
    depends on its inputs alone. It has no mask either: the real steps are moved to the front, and the
    outputs put back to where they belong, which for masked steps is the last real output.

    Args:
        form: `"fused"`; any other of `FORMS` leaves every loop what it is.
        refused: names of calls that must stay loops, found by an earlier conversion.
    """

    def __init__(self, form: str = "fused", refused: Collection[str] = ()):
        self.form = form
        self.refused = refused
        self.decisions: list[Decision] = []

    def __call__(
        self,
        recurrence: Recurrence,
        inputs: Tensor,
        states: Tensors,
        weights: dict,
        mask: Tensor | None,
        collect: bool,
    ) -> tuple | None:
        name = f"{PREFIX}{len(self.decisions)}"
        why_not = self._why_not(name, recurrence, inputs)
        options = {}
        if why_not is None:
            options = {
                "activation": ACTIVATIONS[recurrence.activation],
                "clip": recurrence.cell_clip or 0.0,
                "masked": mask is not None,
            }
        peepholes = isinstance(recurrence, LSTM) and len(weights["recurrent"]) == 2
        kind = type(recurrence).__name__ + (" with peepholes" if peepholes else "")
        where = tf.get_current_name_scope() or "model"
        reason = why_not or "the options are those of the operation"
        form = "loop" if why_not and self.form == "fused" else self.form
        self.decisions.append(Decision(name, where, kind, form, reason, options))
        if why_not is not None:
            return None
        return _masked(_operation(name), inputs, states, _by_gate(weights), mask, collect)

    def _why_not(self, name: str, recurrence: Recurrence, inputs: Tensor) -> str | None:
        if self.form != "fused":
            return "asked for"
        if isinstance(recurrence, CoupledLSTM):
            return "gates are coupled"
        if not isinstance(recurrence, LSTM):
            return "LiteRT has no such operation"
        if recurrence.activation not in ACTIVATIONS:
            return "LiteRT knows the activations tanh and relu"
        if recurrence.recurrent_activation is not keras.activations.sigmoid:
            return "LiteRT's gates are sigmoids"
        if inputs.shape[0] is None:
            return "the batch size is not known"
        if inputs.dtype != "float32":
            return f"LiteRT computes in float32, not in {inputs.dtype.name}"
        if name in self.refused:
            return "the memory cell behind a masked sequence is wanted, which the operation does not tell"
        return None


def _by_gate(weights: dict) -> list[Tensor]:
    """The weights as the operation takes them: for each gate, in the order i f g o, `(units, ...)`."""
    kernel, (recurrent, *peepholes) = weights["kernel"], weights["recurrent"]
    bias = weights["bias"]
    bias = tf.zeros(kernel.shape[-1], kernel.dtype) if bias is None else bias
    kernels = [tf.transpose(w) for whole in (kernel, recurrent) for w in tf.split(whole, 4, axis=1)]
    return [*kernels, *tf.split(bias, 4), *(tf.unstack(peepholes[0]) if peepholes else [])]


def _operation(name: str) -> Any:
    implements = f'name: "{name}" attr {{ key: "tfl_fusable_op" value {{ b: true }} }}'

    @tf.function(experimental_implements=implements, autograph=False)
    def call(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> tuple:
        # never runs: the converter replaces it, and asks for the shapes alone
        return x[..., :1] * 0.0 + h[:, None], c + 0.0

    return call


def _masked(
    operation: Any, x: Tensor, states: Tensors, weights: list, mask: Tensor | None, collect: bool
) -> tuple:
    """Outputs, or None unless they are to be collected, and last states."""
    h, c = states
    if mask is None:
        outputs, c = operation(x, h, c, *weights)
        return outputs if collect else None, (outputs[:, -1], c)
    time = tf.shape(x)[1]
    place = tf.range(time)
    first = tf.where(mask, time - place, -place)  # real steps in their order, then the others
    order = tf.math.top_k(first, k=time).indices
    outputs, c = operation(tf.gather(x, order, batch_dims=1), h, c, *weights)
    outputs = tf.concat([h[:, None], outputs], axis=1)
    count = tf.cumsum(tf.cast(mask, tf.int32), axis=1)  # of real steps so far, (batch, time)
    count = count if collect else count[:, -1:]
    outputs = tf.gather(outputs, count, batch_dims=1)
    return outputs if collect else None, (outputs[:, -1], c)
