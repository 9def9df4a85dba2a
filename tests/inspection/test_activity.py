"""Gates and states against NumPy, and CRF scores, as pictures."""

import keras
import matplotlib.image
import numpy as np
import pytest

from kseq import cells
from kseq.errors import UserError
from kseq.inspection.activity import activity, activity_plot, openings
from kseq.inspection.transitions import transition_plot, transition_scores
from kseq.layers import CRF, GRU, LSTM, RNN, Bidirectional
from kseq.models import SequenceEncoder, Tagger
from tests.helpers import normal, numpy_weights, randomise, to_numpy

X = normal(2, 6, 3)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_lstm_gates_are_those_of_the_equations():
    layer = LSTM(4, name="memory", return_sequences=True)
    expected = to_numpy(layer(X))
    randomise(layer)
    expected = to_numpy(layer(X))
    found = activity(layer, X, row=1)["memory"]
    np.testing.assert_allclose(found.values["h"], expected[1], atol=1e-6)
    w = numpy_weights(layer)
    h = c = np.zeros(4)
    for t, x in enumerate(X[1]):
        z = x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
        i, f, g, o = (np.tanh(part) if n == 2 else sigmoid(part) for n, part in enumerate(np.split(z, 4)))
        c = f * c + i * g
        h = o * np.tanh(c)
        for symbol, value in {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}.items():
            np.testing.assert_allclose(found.values[symbol][t], value, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"reset_after": False}, {"use_reset_gate": False}])
def test_gru_states_follow_from_its_gates(options):
    layer = GRU(4, name="g", **options)
    layer(X)
    values = activity(randomise(layer), X)["g"].values
    assert ("r" in values) == options.get("use_reset_gate", True)
    before = np.vstack([np.zeros(4), values["h"][:-1]])
    np.testing.assert_allclose(values["z"] * before + (1 - values["z"]) * values["k"], values["h"], atol=1e-6)


def test_cells_without_gates_and_both_directions():
    model = keras.Sequential(
        [Bidirectional(RNN(cells.get("simple_rnn", 3), return_sequences=True)), keras.layers.LSTM(2)]
    )
    found = activity(model, X)
    assert [list(one.values) for one in found.values()] == [["h"], ["h"], ["h", "c"]]
    assert [one.backwards for one in found.values()] == [False, True, False]


def test_picture_and_words(tmp_path):
    layer = LSTM(4, name="memory")
    layer(X)
    found = activity(randomise(layer, scale=2), X)["memory"]
    tokens = ["The", "cat", " ", "sat", "年", "."]
    path = activity_plot(found, tokens, tmp_path / "all.png", title="what it did")
    few = activity_plot(found, tokens, tmp_path / "few.png", symbols=["f"], units=2)
    tall, short = (matplotlib.image.imread(p).shape[0] for p in (path, few))
    assert tall > 2 * short
    lines = openings(found, tokens, units=1)
    unit = found.liveliest("f", 1)[0]
    widest = tokens[found.values["f"][:, unit].argmax()]
    assert len(lines) == 3 and f"memory f({unit}): open at {widest!r}" in lines[1]


def test_transitions(tmp_path):
    labels = ("O", "B-X", "I-X")
    tagger = Tagger(SequenceEncoder({"tokens": 9}, units=4), labels, "BIO")
    tagger.build()
    names, scores = transition_scores(tagger)
    assert names == [*labels, ""] and np.isnan(scores[0, 2]) and np.isnan(scores[3, 2])
    np.testing.assert_allclose(scores[1, 2], to_numpy(tagger.crf.transitions)[1, 2])
    path = transition_plot(tagger, tmp_path / "transitions.png", title="BIO")
    assert matplotlib.image.imread(path)[..., :3].std() > 0.05


WRONG = {
    "tokens": (
        lambda p: activity_plot(activity(LSTM(2), X)["lstm"], ["a"], p),
        "`tokens` must be 6, one a step",
    ),
    "softmax": (
        lambda p: transition_plot(Tagger(SequenceEncoder({"tokens": 9}, units=4), "ab", head="softmax"), p),
        "must be built",
    ),
    "not built": (lambda p: transition_plot(CRF(3), p), "must be built"),
    "nothing": (lambda p: activity(keras.layers.Dense(2), X), "runs none"),
}


@pytest.mark.parametrize(("do", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input(do, message, tmp_path):
    keras.utils.clear_session(free_memory=False)
    with pytest.raises(UserError, match=message):
        do(tmp_path / "x.png")
