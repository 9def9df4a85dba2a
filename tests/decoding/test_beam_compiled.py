"""Beam search against itself: batched, compiled, exported; and what it refuses."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq import decoding
from kseq.decoding import GNMT, Coverage, beam_search
from kseq.errors import UserError
from tests.decoding.cases import CASES, STARTS, search
from tests.decoding.toy import EOS, Toy, compiled, starts
from tests.helpers import assert_all_close

OPTIONS = {
    "plain": {"beam_size": 4, "num_results": 3},
    "all": {"beam_size": 4, "num_results": 4, **CASES["coverage, all"].options},
    "groups": {"beam_size": 6, "num_results": 6, "num_groups": 3, "diversity": 0.5},
    "no end": {"beam_size": 3, "eos_id": None, "length_penalty": decoding.average},
}
every_option = pytest.mark.parametrize("name", OPTIONS)


def options_of(name, vocabulary=7, batch=4, length=8):
    if name == "stochastic":
        shape = (length, batch, 4, vocabulary)
        uniform = np.random.default_rng(1).random(shape).astype("float32")
        return {"beam_size": 4, "num_results": 4, "uniform": uniform, "eos_id": EOS, "length": length}
    return {"eos_id": EOS, "length": length, **OPTIONS[name]}


@every_option
def test_together_as_one_by_one(name):
    toy, options = Toy(7, seed=8), options_of(name)
    together = search(toy, **options)
    for row, start in enumerate(STARTS):
        alone = search(toy, [start], **options)
        assert_all_close([x[row : row + 1] for x in together], alone, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "vocabulary"), [("all", 7), ("stochastic", 7), ("no end", 7), ("plain", 530), ("groups", 530)]
)
def test_compiled_as_eager(name, vocabulary):
    toy, options = Toy(vocabulary, seed=9), options_of(name, vocabulary)

    def run(start_ids):
        return tuple(beam_search(toy.step, start_ids, toy.states(4), **options))

    ours = search(toy, **options)
    assert_all_close(compiled(run)(starts(*STARTS)), tuple(ours), rtol=1e-5)


def test_what_beams_share_may_stay_outside_of_the_states():
    toy, shared = Toy(7, seed=8), np.array([0.5, 1.0, 2.0, 0.1], "float32")  # one for each entry

    def outside(last_ids, states):
        log_probs, states = toy.step(last_ids, states)
        scaled = ops.reshape(log_probs, (4, -1, 7)) * ops.convert_to_tensor(shared[:, None, None])
        return ops.log_softmax(ops.reshape(scaled, (-1, 7))), states

    def inside(last_ids, states):
        log_probs, toys = toy.step(last_ids, states["toy"])
        return ops.log_softmax(log_probs * states["factor"]), {"toy": toys, "factor": states["factor"]}

    options = options_of("plain")
    expected = beam_search(
        inside,
        starts(*STARTS),
        {"toy": toy.states(4), "factor": ops.convert_to_tensor(shared[:, None])},
        **options,
    )
    assert_all_close(beam_search(outside, starts(*STARTS), toy.states(4), **options), expected)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="SavedModels are TensorFlow's")
def test_exported_with_its_options_as_inputs(tmp_path):
    import tensorflow as tf

    toy = Toy(7, seed=8)
    scalars = {"beam_size": tf.int32, "length": tf.int32, "alpha": tf.float32, "beta": tf.float32}

    def run(start_ids, beam_size, length, alpha, beta):
        found = beam_search(
            toy.step,
            start_ids,
            toy.states(tf.shape(start_ids)[0]),
            beam_size=beam_size,
            length=length,
            eos_id=EOS,
            num_results=beam_size,
            length_penalty=GNMT(alpha),
            coverage=Coverage(lambda states: states["attended"], beta),
            constraints=[decoding.NoRepeatedNgrams(2), decoding.RepetitionPenalty(1.1)],
        )
        return found._asdict()

    specs = [tf.TensorSpec([None], tf.int32), *(tf.TensorSpec([], d, n) for n, d in scalars.items())]
    module = tf.Module()
    module.run = tf.function(run, input_signature=specs)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for start_ids, size, length, alpha in [(STARTS, 3, 6, 0.8), ((2,), 5, 9, 0.0), ((4, 3), 1, 1, 2.0)]:
        found = loaded.run(tf.constant(start_ids), size, length, alpha, 0.3)
        batch = len(start_ids)
        expected = beam_search(
            toy.step,
            starts(*start_ids),
            toy.states(batch),
            beam_size=size,
            length=length,
            eos_id=EOS,
            num_results=size,
            length_penalty=GNMT(alpha),
            coverage=Coverage(lambda states: states["attended"], 0.3),
            constraints=[decoding.NoRepeatedNgrams(2), decoding.RepetitionPenalty(1.1)],
        )
        assert_all_close([found[name] for name in expected._fields], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 0}, "`beam_size` must be positive, got 0"),
        ({"beam_size": -2}, "`beam_size` must be positive, got -2"),
        (
            {"beam_size": 6, "length": 1},
            "`beam_size` must be at most 5, the number of sequences of 1 out of 5",
        ),
        ({"beam_size": 26, "length": 2}, "`beam_size` must be at most 25, .* got 26"),
        ({"num_results": 4}, "`num_results` must be at most `beam_size`, 3, got 4"),
        ({"num_results": 0}, "`num_results` must be positive, got 0"),
        ({"num_groups": 2}, "`beam_size` must be a multiple of `num_groups`, 2, got 3"),
        ({"num_groups": 0}, "`num_groups` must be positive, got 0"),
        ({"diversity": -1.0}, "`diversity` must not be negative, got -1.0"),
        ({"length": 0}, "`length` must be positive, got 0"),
        (
            {"constraints": [decoding.BannedIds([5])]},
            "`ids` must be in the vocabulary, between 0 and 4, got 5",
        ),
        ({"uniform": np.zeros((4, 4, 3, 5)), "num_groups": 3}, "must stand alone"),
        ({"uniform": np.zeros((4, 4, 3, 5)), "length_penalty": GNMT()}, "must stand alone"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(options, message):
    with pytest.raises(UserError, match=message):
        search(Toy(), **{"beam_size": 3, "length": 4, "eos_id": EOS, **options})


def test_a_coverage_of_negative_strength_is_refused():
    with pytest.raises(UserError, match="`beta` must not be negative, got -0.1"):
        Coverage(lambda states: states, -0.1)
