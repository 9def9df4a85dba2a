"""The Jordan network, with teacher forcing."""

from typing import Any

import keras
from keras import ops, tree

from kseq.cells import JordanRNNCell
from kseq.cells.base import Tensor
from kseq.errors import UserError
from kseq.layers.recurrent import CellLayer


@keras.saving.register_keras_serializable("kseq")
class JordanRNN(CellLayer):
    """Jordan recurrence: the output feeds back; equations in `kseq.cells.JordanRNNCell`.

    Given `targets`, each step is fed the true output of the step before in place of its own (teacher
    forcing), so that all steps are computed in parallel:

        h(t) = f(x(t) W + target(t-1) U + b),   target(0) = initial state

    Without them the layer runs open loop, on its own outputs: what it must do when it serves. The two
    see different inputs, which is the train/serve gap of teacher forcing.

    Takes the arguments of `kseq.cells.JordanRNNCell` and of `kseq.layers.RNN`.

    Call arguments:
        targets: `(batch, time, output_units)`, the true outputs in the order of `sequences`, or None.
            With a mask, a step is fed the target of the last real step before it.

    Example:
        >>> layer = JordanRNN(8, 3, return_sequences=True)
        >>> x, y = keras.ops.ones((2, 5, 4)), keras.ops.ones((2, 5, 3))
        >>> layer(x, targets=y).shape == layer(x).shape == (2, 5, 3)
        True

    Reference:
        Williams and Zipser, "A Learning Algorithm for Continually Running Fully Recurrent Neural
        Networks", 1989 (teacher forcing).
    """

    cell_class = JordanRNNCell

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
        targets: Tensor | None = None,
    ) -> Any:
        if targets is None:
            return super().call(sequences, initial_state, mask, training)
        if targets.shape[-1] != self.output_units:
            raise UserError(
                f"`targets` must be (batch, time, {self.output_units}), got {tuple(targets.shape)}"
            )
        if self.go_backwards:
            sequences, targets = ops.flip(sequences, axis=1), ops.flip(targets, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        if initial_state is None:
            batch = ops.shape(sequences)[0]
            initial_state = self.states if self.stateful else self.cell.get_initial_state(batch)
        start = ops.cast(tree.flatten(initial_state)[0], self.compute_dtype)
        outputs, last = self._teacher_forced(sequences, start, mask, training, targets)
        if self.stateful:
            self.states[0].assign(last)
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs))
        result = outputs if self.return_sequences else outputs[:, -1]
        return (result, last) if self.return_state else result

    def _teacher_forced(
        self, x: Tensor, start: Tensor, mask: Tensor | None, training: bool, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All outputs `(batch, time, output_units)` and the state behind the last step."""
        cell, batch, time = self.cell, ops.shape(x)[0], ops.shape(x)[1]
        start = ops.expand_dims(start, 1)
        previous = ops.concatenate([start, ops.cast(targets, self.compute_dtype)], axis=1)
        if mask is None:
            previous = previous[:, :-1]
        else:
            # the last real step up to each step, counted from 1; 0 where there is none yet
            real = ops.where(mask, ops.arange(1, time + 1), 0)
            real = ops.associative_scan(ops.maximum, real, axis=1)  # (batch, time)
            before = ops.pad(real[:, :-1], [[0, 0], [1, 0]])
            previous = ops.take_along_axis(previous, ops.expand_dims(before, -1), axis=1)
        dropped = cell.draw(batch, training)
        if dropped is not None and dropped.features is not None:
            dropped = dropped._replace(features=ops.expand_dims(dropped.features, 1))
        projected = cell.project(cell.drop_inputs(ops.cast(x, self.compute_dtype), training))
        outputs, _ = cell.step(projected, [previous], dropped)
        if mask is None:
            return outputs, outputs[:, -1]
        # masked steps hold: the state from the start on, the output from the first real step on
        states = ops.concatenate([start, outputs], axis=1)
        states = ops.take_along_axis(states, ops.expand_dims(real, -1), axis=1)
        outputs = ops.where(ops.expand_dims(real > 0, -1), states, ops.zeros_like(states))
        return outputs, states[:, -1]
