"""Both directions of time."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("kseq")
class Bidirectional(keras.layers.Bidirectional):
    """Read a sequence forwards and backwards and merge what the two saw.

        y(t) = merge(forward(x(1) .. x(t)), backward(x(time) .. x(t)))

    With a mask, the backward direction begins at the last real token of each row: padding comes first
    in its order of reading, and a masked step leaves its state at the initial one. At masked steps the
    output is zero.

    Args:
        layer: a recurrent layer; copied, `go_backwards` turned round for the other direction.
        merge_mode: "concat", "sum", "mul", "ave", or None for the two outputs apart.
        weights: initial weights of both directions, forward first.
        backward_layer: an own layer for the backward direction; its `go_backwards` must be the
            opposite of `layer`'s.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: the states of the forward direction, then those of the backward direction.
        mask: boolean `(batch, time)`, True for a real token.
        training: whether dropout is on.

    Returns:
        The merged output; with `return_state`, `(output, *forward_states, *backward_states)`.

    Reference:
        Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", 1997.
    """

    def __init__(self, layer: Any, merge_mode: str | None = "concat", **kwargs: Any):
        super().__init__(layer, merge_mode=merge_mode, **kwargs)
        self.supports_masking = True

    def reset_states(self) -> None:
        """Set the carried states of both directions to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def explain(self, batch: int | None = None, time: int | None = None, *, training: bool = True) -> str:
        """Say which loops run, and why; as `kseq.layers.RNN.explain`."""
        sides = {"forward": self.forward_layer, "backward": self.backward_layer}
        return "\n".join(
            f"{name}: {line}"
            for name, layer in sides.items()
            for line in _explain(layer, batch, time, training).splitlines()
        )


def _explain(layer: Any, batch: int | None, time: int | None, training: bool) -> str:
    if hasattr(layer, "explain"):
        return layer.explain(batch, time, training=training)
    return f"{type(layer).__name__}: a loop of its own, because it is no layer of kseq"
