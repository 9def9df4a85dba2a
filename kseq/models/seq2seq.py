"""A recurrent sequence-to-sequence model."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from kseq.errors import UserError, not_negative, one_of, positive
from kseq.models.bridge import Bridge
from kseq.models.decoder import Decoder, Memory, States, dropped
from kseq.models.encoder import SequenceEncoder
from kseq.models.scheduled_sampling import LEVELS, draw, feeder
from kseq.models.sources import Source
from kseq.models.tokens import Tokens

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class Seq2Seq(keras.Model):
    """Write a sequence about what was read: another sequence, the regions of an image, a vector, a class.

        m, s   = encoder(source)                                memory and its summary
        o(t)   = decoder(E[y(t-1)], m, states(t-1))             states(0) = tanh(s B + b)
        p(y(t) = k | y(1) .. y(t-1), source) = softmax(o(t) V + b)[k]           V = E' with tied weights

    The equations of the decoder are in `kseq.models.decoder.Decoder`. Targets begin with `bos_id` where
    they are fed and end with `eos_id` where they are predicted; padding is 0, on the right, and has to
    have the sample weight 0. Decode with `start` and `step_function`.

    Training feeds true tokens (teacher forcing), and all steps are computed at once. With `sampling` some
    of them are what the model said itself the step before: the share of true tokens is the variable
    `true_share`, 1 at first, which `kseq.training.sampling_schedule.ScheduledSampling` lowers. Then, and
    with input feeding, the steps are computed one by one.

    Args:
        encoder: what reads the source: a `SequenceEncoder` of tokens or of numbers, a `RegionEncoder`,
            `VectorEncoder` or `ClassEncoder`. The last two have no memory: `attention` must be `"none"`.
        vocab_size: number of target ids.
        cell: name of the decoder's cell, one of `kseq.cells.NAMES`.
        units: width of each layer of the decoder.
        num_layers: number of its layers.
        embedding_dim: width of the target embedding; None: the encoder's if shared, otherwise `units`.
        attention: a score of `kseq.layers.Attention`, or `"none"`.
        coverage: whether attention knows what it has looked at before.
        input_feeding: whether the decoder hears its output of the step before.
        bridge: what the summary is, the encoder's `"last"` states (of its last layer, in each direction),
            or the `"mean"` of the memory.
        feed_summary: feed `tanh(s F + b)` at every step too.
        share_embeddings: one embedding for source and target, whose ids must mean the same.
        tie_weights: use the target embedding, transposed, as output layer.
        dropout: on the embeddings, between the layers and on the output of the decoder.
        recurrent_dropout: on `h(t-1)` inside the decoder's cells.
        word_dropout: fraction of the fed tokens that training takes for unknown, id 1.
        sampling: None for teacher forcing; what is fed in place of a true token: a token drawn from the
            model's `"output"`, the `"embedding"` of the most probable token, or the `"mean_embedding"` of
            all, weighted by their probability.
        bos_id: what the first step is fed.
        eos_id: what ends a target.
        seed: of the weights and of dropout.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: `{"source": ..., "target_in": integer (batch, steps)}`; the source is integer
            `(batch, time)` or what the encoder takes. `source_mask`, boolean, of numeric sources.
        training: whether dropout and sampling are on.

    Returns:
        Logits `(batch, steps, vocab_size)`.

    Raises:
        UserError: an argument is none of the above.

    Example:
        >>> model = Seq2Seq(SequenceEncoder({"tokens": 50}, units=8), vocab_size=60, units=16)
        >>> ids = keras.ops.ones((2, 7), "int32")
        >>> tuple(model({"source": ids, "target_in": ids[:, :5]}).shape)
        (2, 5, 60)

    Reference:
        Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", 2014; Cho et al.,
        "Learning Phrase Representations using RNN Encoder-Decoder", 2014 (`feed_summary`); Bengio et al.,
        "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015; Goyal, Dyer and
        Berg-Kirkpatrick, "Differentiable Scheduled Sampling for Credit Assignment", 2017 (mean embedding).
    """

    def __init__(
        self,
        encoder: SequenceEncoder | Source,
        vocab_size: int,
        cell: str = "lstm",
        units: int = 256,
        num_layers: int = 1,
        *,
        embedding_dim: int | None = None,
        attention: str = "additive",
        coverage: bool = False,
        input_feeding: bool = False,
        bridge: str = "last",
        feed_summary: bool = False,
        share_embeddings: bool = False,
        tie_weights: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        sampling: str | None = None,
        bos_id: int = 2,
        eos_id: int = 3,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.config = {
            "vocab_size": vocab_size,
            "cell": cell,
            "units": positive("units", units),
            "num_layers": num_layers,
            "embedding_dim": embedding_dim,
            "attention": attention,
            "coverage": coverage,
            "input_feeding": input_feeding,
            "bridge": bridge,
            "feed_summary": feed_summary,
            "share_embeddings": share_embeddings,
            "tie_weights": tie_weights,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "word_dropout": word_dropout,
            "sampling": sampling if sampling is None else one_of("sampling", sampling, LEVELS),
            "bos_id": not_negative("bos_id", bos_id),
            "eos_id": not_negative("eos_id", eos_id),
            "seed": seed,
        }
        self.supports_jit = False  # XLA would compile anew for every length, and leave cores idle
        self.reads_tokens = isinstance(encoder, SequenceEncoder) and encoder.config["sizes"] is not None
        self._check_encoder()
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        shared = encoder.embeddings["tokens"] if share_embeddings else None
        if embedding_dim is None:
            embedding_dim = units if shared is None else shared.output_dim
        self.tokens = Tokens(
            vocab_size,
            embedding_dim,
            tie_weights=tie_weights,
            word_dropout=word_dropout,
            embedding=shared,
            seed=seeds(50),
            name="tokens",
        )
        self.decoder = Decoder(
            cell,
            units,
            num_layers,
            embedding_dim if tie_weights else units,
            attention=attention,
            coverage=coverage,
            input_feeding=input_feeding,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            name="decoder",
        )
        feed_dim = embedding_dim if feed_summary else None
        self.bridge = Bridge(bridge, self.decoder.state_sizes, feed_dim, seed=seeds(60), name="bridge")
        self.sampling_seed = keras.random.SeedGenerator(seeds(70))
        if sampling is not None:
            self.true_share = self.add_weight(
                shape=(), initializer="ones", trainable=False, name="true_share"
            )

    def _check_encoder(self) -> None:
        config, encoder, kind = self.config, self.encoder, type(self.encoder).__name__
        if encoder.width is None and config["attention"] != "none":
            raise UserError(f"`attention` must be 'none' for a {kind}, got {config['attention']!r}")
        missing = {"last": not encoder.initial_states(1), "mean": encoder.width is None}
        if missing.get(config["bridge"]):
            right = "mean" if missing["last"] else "last"
            raise UserError(f"`bridge` must be {right!r} for a {kind}, got {config['bridge']!r}")
        sizes = encoder.config["sizes"] if self.reads_tokens else {}
        if self.reads_tokens and set(sizes) != {"tokens"}:
            raise UserError(f"`encoder` must read tokens alone, got {sorted(sizes)}")
        if config["share_embeddings"]:
            size = config["vocab_size"]
            if sizes != {"tokens": size}:
                raise UserError(f"`share_embeddings` needs an encoder of {size} tokens, got {sizes or kind}")
            width = encoder.embeddings["tokens"].output_dim
            if config["embedding_dim"] not in (None, width):
                raise UserError(
                    f"`embedding_dim` must be {width} as in the encoder, got {config['embedding_dim']}"
                )

    def build(self, inputs_shape: Any = None) -> None:
        if not self.encoder.built:  # one that was loaded is
            source = None if inputs_shape is None else inputs_shape["source"]
            self.encoder.build({"tokens": source} if self.reads_tokens else source)
        states = self.encoder.initial_states(1)
        self.bridge.build(self.encoder.width, [x.shape[-1] for x in states[-1]] if states else [])
        self.decoder.build(self.tokens.embedding.output_dim + (self.bridge.feed_dim or 0), self.encoder.width)
        self.tokens.build(self.decoder.output_dim)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        sampling = self.config["sampling"] if training else None
        share = None if sampling is None else self.true_share
        return self._write(inputs, training, sampling, share)[0]

    def free_running_logits(self, inputs: Any) -> Tensor:
        """As a call, but each step is fed the most probable token of the step before, not the true one.

        The loss of these logits beside that of a call shows how far the model strays from what it was
        trained on once it has to follow itself.

        Args:
            inputs: as of a call; of `target_in` only the first step and the length count.
        """
        return self._write(inputs, False, "embedding", 0.0)[0]

    def attention(self, inputs: Any) -> Tensor:
        """The attention of each step when true tokens are fed, `(batch, steps, source)`.

        Args:
            inputs: as of a call.

        Raises:
            UserError: the model has no attention.
        """
        if self.decoder.attention is None:
            raise UserError("`attention` must not be 'none' for weights")
        return self._write(inputs, False, None, None)[1]

    def _write(self, inputs: Any, training: bool, sampling: str | None, share: Any) -> tuple:
        """Logits and attention of all steps."""
        if not {"source", "target_in"} <= set(inputs) <= {"source", "target_in", "source_mask"}:
            raise UserError(f"inputs must have the keys source and target_in, got {sorted(inputs)}")
        decoder = self.decoder
        memory = self.encode(inputs["source"], inputs.get("source_mask"), training)
        ids = inputs["target_in"]
        x = self.tokens(ids, training=training)
        masks = decoder.masks(ops.shape(ids)[0], x.shape[-1], training)

        def logits(output: Tensor) -> Tensor:
            return self.tokens.logits(dropped(output, masks and masks[-1]))

        if sampling is not None:
            feed = feeder(sampling, self.tokens, logits)
            xs = draw(x, share, self.sampling_seed)
            output, weights = decoder.step_by_step(xs, feed, memory, masks, training)
        elif decoder.input_feeding:
            xs = [ops.swapaxes(x, 0, 1)]
            output, weights = decoder.step_by_step(xs, lambda now, _: now[0], memory, masks, training)
        else:
            output, weights = decoder.all_steps(x, memory, masks, training)
        return logits(output), weights

    def encode(self, source: Tensor, mask: Tensor | None = None, training: bool = False) -> Memory:
        """Read the source: what `start` and `step_function` take.

        Args:
            source: as of a call.
            mask: boolean `(batch, time)`, of numeric sources.
            training: whether dropout is on.

        Returns:
            A dictionary of tensors, batch first.
        """
        inputs = {"tokens": source} if self.reads_tokens else source
        x, states = self.encoder.read(inputs, mask=mask, training=training)
        mask = self.encoder.mask(inputs, mask)
        memory = {} if self.decoder.attention is None else self.decoder.attention.read(x, mask)
        return {**memory, **self.bridge(x, states, memory_mask=mask)}

    def start(self, memory: Memory, track_attention: bool = False) -> tuple[Tensor, States]:
        """What decoding begins with.

        Args:
            memory: from `encode`.
            track_attention: keep the sum of each row's attention so far in `states["attention"]`, float32
                `(rows, source)`, for a coverage penalty; with `coverage` it is there anyway.

        Returns:
            `(ids, states)`: int32 `(batch,)`, all `bos_id`, and a dictionary of tensors, `(batch, ...)` each.
        """
        ids = ops.full((ops.shape(memory["start"][0][0])[0],), self.config["bos_id"], "int32")
        return ids, self.decoder.start(memory, track_attention)

    def step_function(self, memory: Memory) -> Callable[[Tensor, States], tuple[Tensor, States]]:
        """The step function of `kseq.decoding`.

        Args:
            memory: from `encode`.

        Returns:
            `step(last_ids, states) -> (log_probs, states)`: ids int32 `(rows,)`, log_probs float32
            `(rows, vocab_size)`. The rows are those of the memory, or so many beams for each of them, side by
            side, which share it.
        """

        def step(last_ids: Tensor, states: States) -> tuple[Tensor, States]:
            output, states, _ = self.decoder.step(self.tokens(last_ids), states, memory)
            return ops.log_softmax(ops.cast(self.tokens.logits(output), "float32")), states

        return step

    def get_config(self) -> dict:
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder, **self.config}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> "Seq2Seq":
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})
