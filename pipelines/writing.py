"""Text from a language model, piece by piece."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kseq.data import Vocabulary
    from kseq.models import LanguageModel


def continuation(
    model: "LanguageModel",
    vocabulary: "Vocabulary",
    *,
    prompt: str = "",
    length: int,
    temperature: float,
    top_k: int = 0,
    top_p: float = 1.0,
    unk: bool = False,
    seed: int | None = None,
) -> Iterator[str]:
    """The text behind a prompt, in pieces of one token."""
    import numpy as np
    import tensorflow as tf

    from kseq.decoding import random_numbers, stream

    ids = [vocabulary.bos_id, *vocabulary.encode(prompt)]
    banned = [id for id in vocabulary.unwritable_ids if not (unk and id == vocabulary.unk_id)]
    log_probs, states = model.read(np.array([ids], "int32"))
    step = tf.function(model.step, reduce_retracing=True)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "banned": banned}
    written = vocabulary.decode(ids)
    for (chosen,) in stream(step, log_probs, states, random_numbers(length, 1, seed), **options):
        ids.append(chosen)
        text = vocabulary.decode(ids)
        yield text[len(written) :]
        written = text
