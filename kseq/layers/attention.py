"""A layer that looks at a source."""

import math
from typing import Any

import keras
from keras import ops

from kseq.errors import UserError, one_of, positive
from kseq.ops import attention
from kseq.ops.loops import scan

Tensor = Any
SCORES = ("additive", "general", "dot", "scaled_dot")


@keras.saving.register_keras_serializable("kseq")
class Attention(keras.layers.Layer):
    """For each query, a mean of the memory weighted by how well each position answers it.

        a(t, i) = softmax over real i of score(q(t), m(i))
        c(t)    = sum_i a(t, i) m(i)

        "additive"      score = v' tanh(W q(t) + U m(i))
        "general"       score = q(t)' W m(i)
        "dot"           score = q(t)' m(i)
        "scaled_dot"    score = q(t)' m(i) / sqrt(width)

    With coverage an additive score also knows how much attention a position has had, `w s(t, i)` being
    added inside the tanh with `s(t, i) = a(1, i) + .. + a(t-1, i)`; the steps are then taken one by one.

    `read` does once what depends on the memory alone; `attend` then answers queries, those of one step or
    of all. Steps and beams are the same thing here: rows that ask the same memory.

    Args:
        score: how query and position are compared.
        units: width of the hidden layer of `"additive"`; the width of the queries if None.
        coverage: whether earlier attention counts; of `"additive"` alone.
        initializer: of the weights.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        queries: `(batch, steps, features)`.
        memory: `(batch, source, features)`.
        memory_mask: boolean `(batch, source)`, True for a real position; any pattern.

    Returns:
        `(context, weights)`, `(batch, steps, memory features)` and `(batch, steps, source)`; weights are
        float32 and exactly 0 at masked positions; of an entry that has no real position all are 0.

    Raises:
        UserError: an argument is none of the above; at build, a dot product of different widths.

    Example:
        >>> queries, memory = keras.ops.ones((2, 3, 4)), keras.ops.ones((2, 5, 6))
        >>> context, weights = Attention()(queries, memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))

    Reference:
        Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and
        Translate", 2015 (additive); Luong, Pham and Manning, "Effective Approaches to Attention-based
        Neural Machine Translation", 2015 (general, dot); See, Liu and Manning, "Get To The Point:
        Summarization with Pointer-Generator Networks", 2017 (coverage).
    """

    def __init__(
        self,
        score: str = "additive",
        units: int | None = None,
        *,
        coverage: bool = False,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.score = one_of("score", score, SCORES)
        self.units = positive("units", units)
        self.coverage = coverage
        if coverage and score != "additive":
            raise UserError(f"`coverage` needs the score 'additive', got {score!r}")
        self.initializer = keras.initializers.get(initializer)

    def build(self, queries_shape: Any, memory_shape: Any) -> None:
        query, memory = queries_shape[-1], memory_shape[-1]
        if self.score == "additive":
            units = query if self.units is None else self.units
            self.query_kernel = self._weight("query_kernel", (query, units))
            self.memory_kernel = self._weight("memory_kernel", (memory, units))
            self.vector = self._weight("vector", (units,))
            self.coverage_kernel = self._weight("coverage_kernel", (units,)) if self.coverage else None
        elif self.score == "general":
            self.memory_kernel = self._weight("memory_kernel", (memory, query))
        elif query != memory:
            raise UserError(
                f"`score` {self.score!r} needs queries and memory of one width, got {query} and {memory}; "
                "'general' does not"
            )
        self.scale = 1 / math.sqrt(query) if self.score == "scaled_dot" else 1.0

    def _weight(self, name: str, shape: tuple) -> Any:
        return self.add_weight(shape=shape, initializer=self.initializer.clone(), name=name)

    def call(self, queries: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> tuple:
        return self.attend(queries, self.read(memory, memory_mask))

    def read(self, memory: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """What the queries need of a memory.

        Args:
            memory: as of a call.
            mask: the mask of the memory.

        Returns:
            `values`, the memory, zero where masked; `keys`, projected; `mask`. All batch first.
        """
        values = ops.cast(memory, self.compute_dtype)
        if mask is None:
            mask = ops.ones(ops.shape(values)[:2], "bool")
        else:  # no garbage may reach a product
            mask = ops.cast(mask, "bool")
            values = ops.where(mask[..., None], values, ops.zeros_like(values))
        keys = values
        if self.score in ("additive", "general"):
            keys = ops.matmul(values, ops.cast(self.memory_kernel, self.compute_dtype))
        return {"values": values, "keys": keys, "mask": mask}

    def attend(self, queries: Tensor, source: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Answer the queries of all steps; as a call, of a memory that was read.

        Args:
            queries: as of a call.
            source: from `read`.
        """
        if not self.coverage:
            return self._answer(queries, source)

        def body(summed: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
            context, weights = self.step(now[0], source, summed)
            return summed + weights, (context, weights)

        nothing = ops.zeros(ops.shape(source["mask"]), "float32")
        like = (source["values"][:, 0], nothing)
        _, steps = scan(body, nothing, [ops.swapaxes(queries, 0, 1)], like)
        return tuple(ops.swapaxes(x, 0, 1) for x in steps)

    def step(
        self, queries: Tensor, source: dict[str, Tensor], summed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Answer the queries of one step, of one or several rows for each entry of the batch.

        The rows of an entry, its beams, stand beside each other and share its memory: nothing is tiled.

        Args:
            queries: `(rows, features)`, rows a multiple of the batch.
            source: from `read`.
            summed: `(rows, source)`, the sum of the weights of all steps before; with coverage.

        Returns:
            `(context, weights)`, `(rows, memory features)` and `(rows, source)`.
        """
        batch = ops.shape(source["values"])[0]
        queries, summed = (
            None if x is None else ops.reshape(x, (batch, -1, ops.shape(x)[-1])) for x in (queries, summed)
        )
        found = self._answer(queries, source, summed)
        return tuple(ops.reshape(x, (-1, ops.shape(x)[-1])) for x in found)

    def _answer(self, queries: Tensor, source: dict, summed: Tensor | None = None) -> tuple:
        queries = ops.cast(queries, self.compute_dtype)
        if self.score == "additive":
            query_kernel, vector = (ops.cast(w, self.compute_dtype) for w in (self.query_kernel, self.vector))
            coverage = ()
            if self.coverage:
                coverage = (ops.cast(x, self.compute_dtype) for x in (summed, self.coverage_kernel))
            scores = attention.additive(ops.matmul(queries, query_kernel), source["keys"], vector, *coverage)
        else:
            scores = attention.dot(queries, source["keys"], self.scale)
        weights = attention.masked_softmax(scores, source["mask"])
        return ops.matmul(ops.cast(weights, self.compute_dtype), source["values"]), weights

    def compute_output_spec(
        self, queries: Tensor, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple:
        batch, steps, _ = queries.shape
        context = keras.KerasTensor((batch, steps, memory.shape[-1]), self.compute_dtype)
        return context, keras.KerasTensor((batch, steps, memory.shape[1]), "float32")

    def get_config(self) -> dict:
        initializer = keras.initializers.serialize(self.initializer)
        own = {"score": self.score, "units": self.units, "coverage": self.coverage}
        return {**super().get_config(), **own, "initializer": initializer}
