"""A language model as a SavedModel that takes raw text."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.data import Vocabulary
from kseq.decoding import BannedIds, generate
from kseq.export.saved_model import Endpoint, save
from kseq.losses import token_nll
from kseq.models import LanguageModel

PROBES = ("The ", "a", "import this\n", "x" * 40)
SIGNATURES = {
    "log_prob": "text -> log_prob (nats, of the whole text), num_tokens, perplexity",
    "continue": "text, length, temperature (0: greedy), top_k (0: all), top_p, seed -> text",
}


def save_language_model(
    model: LanguageModel,
    vocabulary: Vocabulary,
    root: str | Path,
    name: str,
    *,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> Path:
    """Write `ROOT/NAME/VERSION/`, which TensorFlow Serving serves as it is, and prove it.

    Two signatures take raw strings: `log_prob` (also the default one) scores texts, `continue` writes
    on. The vocabulary is inside the graph. Before the export is moved into place it is loaded back and
    must give the model's own numbers.

    Args:
        model: the trained model.
        vocabulary: its vocabulary, of `model`'s size.
        root: directory of all exports, usually `saved_models`.
        name: name of the export.
        config: what the model was trained with, for the manifest.
        metrics: what was measured, for the manifest.

    Returns:
        The directory of the new version.

    Raises:
        ExportError: the loaded export and the model disagree.
    """
    vectorize = vocabulary.vectorizer()
    return save(
        _endpoints(model, vocabulary, vectorize),
        lambda loaded: _check(loaded, model, vocabulary),
        root,
        name,
        track=[model, vectorize],
        config=config,
        metrics=metrics,
        signatures=SIGNATURES,
    )


def text_log_prob(model: LanguageModel, vocabulary: Vocabulary, text: str) -> float:
    """Log-probability of one text in nats: the sum over its tokens, none left out."""
    ids = vocabulary.encode(text)
    inputs = np.concatenate([[vocabulary.bos_id], ids[:-1]]).astype("int32")
    log_probs = tf.nn.log_softmax(tf.cast(model(inputs[None]), tf.float32))[0]
    return float(tf.reduce_sum(tf.gather(log_probs, ids, batch_dims=1)))


def _endpoints(
    model: LanguageModel, vocabulary: Vocabulary, vectorize: Callable[[tf.Tensor], tf.Tensor]
) -> list[Endpoint]:
    detokenize = vocabulary.detokenizer()

    def with_start(ids: tf.Tensor) -> tf.Tensor:
        return tf.pad(ids, [[0, 0], [1, 0]], constant_values=vocabulary.bos_id)

    def log_prob(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = tf.cast(vectorize(text), tf.int32)  # (batch, time), 0 behind each row's end
        logits = model(with_start(ids))[:, :-1]  # one step more, so that texts may be empty
        nll = token_nll(ids, logits)
        real = tf.cast(ids != vocabulary.pad_id, tf.float32)
        total, count = tf.reduce_sum(nll * real, axis=-1), tf.reduce_sum(real, axis=-1)
        return {
            "log_prob": -total,
            "num_tokens": tf.cast(count, tf.int32),
            "perplexity": tf.exp(total / tf.maximum(count, 1.0)),
        }

    def continue_(
        text: tf.Tensor,
        length: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        ids = with_start(tf.cast(vectorize(text), tf.int32))
        # the numbers that `random_numbers` gives for this seed
        uniform = tf.random.stateless_uniform((length, tf.shape(text)[0]), seed=tf.stack([seed, 0]))
        ids = generate(
            model.step,
            *model.read(ids, mask=ids != vocabulary.pad_id),
            uniform,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            constraints=[BannedIds(vocabulary.unwritable_ids)],
        )
        return {"text": detokenize(ids)}

    texts = tf.TensorSpec([None], tf.string, "text")
    scalars = {"length": tf.int32, "temperature": tf.float32, "top_k": tf.int32, "top_p": tf.float32}
    scalars["seed"] = tf.int32
    options = [tf.TensorSpec([], dtype, name) for name, dtype in scalars.items()]
    return [Endpoint("log_prob", log_prob, [texts]), Endpoint("continue", continue_, [texts, *options])]


def _check(loaded: Any, model: LanguageModel, vocabulary: Vocabulary) -> dict[str, float]:
    """Differences between the loaded export and the model, each with what it may be at most."""
    texts = [text for text in PROBES if len(vocabulary.encode(text))]
    scores = loaded.signatures["log_prob"](text=tf.constant(texts))["log_prob"].numpy()
    ours = np.array([text_log_prob(model, vocabulary, text) for text in texts])

    ids = np.concatenate([[vocabulary.bos_id], vocabulary.encode(texts[0])]).astype("int32")
    banned = BannedIds(vocabulary.unwritable_ids)
    written = generate(model.step, *model.read(ids[None]), length=20, constraints=[banned])
    continued = loaded.signatures["continue"](
        text=tf.constant(texts[:1]),
        length=tf.constant(20),
        temperature=tf.constant(0.0),
        top_k=tf.constant(0),
        top_p=tf.constant(1.0),
        seed=tf.constant(7),
    )["text"].numpy()[0]
    expected = vocabulary.detokenizer()(written).numpy()[0]
    return {
        "log_prob": float(np.max(np.abs(scores - ours) / np.maximum(1.0, np.abs(ours)))),
        "continue": 0.0 if continued == expected else 1.0,
    }
