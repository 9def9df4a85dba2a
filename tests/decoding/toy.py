"""A model without weights: what follows depends on the last id and on the step."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.helpers import normal, to_numpy

EOS = 1
SOURCE = 4  # tokens attended to
STEPS = 13  # after which it begins anew


class Toy:
    """Random transitions, as a step function and as the model of `tests.reference.decoding`."""

    def __init__(self, vocabulary=5, seed=0, sharpness=1.5):
        table = sharpness * normal(STEPS, vocabulary, vocabulary, seed=seed).astype("float64")
        self.table = (table - np.log(np.exp(table).sum(-1, keepdims=True))).astype("float32")
        attention = np.exp(2 * normal(vocabulary, SOURCE, seed=seed + 1))
        self.attended = (attention / attention.sum(-1, keepdims=True)).astype("float32")
        self.vocabulary = vocabulary

    def step(self, last_ids, states):
        phase, _ = states["phase"]
        which = ops.cast(phase[:, 0], "int32") * self.vocabulary + last_ids
        log_probs = ops.take(self.table.reshape(-1, self.vocabulary), which, axis=0)
        attended = states["attended"] + ops.take(self.attended, last_ids, axis=0)
        return log_probs, {"phase": [(phase + 1) % STEPS, phase], "attended": attended}

    def states(self, batch):
        zeros = ops.zeros((batch, 1))
        return {"phase": (zeros, zeros), "attended": ops.zeros((batch, SOURCE))}

    def model(self, start_id):
        def log_probs(ids):
            last = ids[-1] if ids else start_id
            return self.table[len(ids) % STEPS, last].astype("float64")

        return log_probs

    def attention(self, start_id):
        return lambda ids, t: self.attended[ids[t - 1] if t else start_id].astype("float64")


def starts(*ids):
    return ops.convert_to_tensor(np.array(ids, "int32"))


def compiled(function):
    """Returns the function as one program of this backend."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        def run(*args):
            with jax.disable_jit(False):  # against tests.op_by_op
                return jax.jit(function)(*args)

        return run
    return pytest.skip("nothing is compiled on this backend")


def assert_found(found, expected, **tolerances):
    """Compares `Hypotheses` with one list of the reference's results for each entry."""
    ids, lengths, scores, log_probs = map(to_numpy, found)
    for row, results in enumerate(expected):
        padded = [list(f.ids) + [0] * (ids.shape[2] - len(f.ids)) for f in results]
        assert ids[row, : len(results)].tolist() == padded
        assert lengths[row].tolist() == [len(f.ids) for f in results] + [0] * (ids.shape[1] - len(results))
        tolerances = {"rtol": 1e-4, "atol": 1e-5, **tolerances}
        np.testing.assert_allclose(scores[row, : len(results)], [f.score for f in results], **tolerances)
        np.testing.assert_allclose(
            log_probs[row, : len(results)], [f.log_prob for f in results], **tolerances
        )
        assert (ids[row, len(results) :] == 0).all() and (scores[row, len(results) :] < -1e8).all()
