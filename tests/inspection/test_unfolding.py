"""Each kind of network at ten steps, and that the picture says what the layer is."""

import itertools

import keras
import matplotlib.image
import numpy as np
import pytest

from kseq.cells import LSTMCell, PeepholeLSTMCell
from kseq.errors import UserError
from kseq.inspection import unfold
from kseq.inspection.unfolding.describe import describe
from kseq.inspection.unfolding.layout import recurrent_form, unfolded_graph
from kseq.layers import GRU, LSTM, Bidirectional, JordanRNN, PeepholeLSTM, SimpleRNN, Stacked
from kseq.models import (
    ClassEncoder,
    Classifier,
    LanguageModel,
    RegionEncoder,
    Seq2Seq,
    SequenceEncoder,
    Tagger,
)

TOKENS = {"tokens": 50}


def built(layer):
    layer(np.zeros((2, 5, 3), "float32"))
    return layer


def encoder(**options):
    return SequenceEncoder(TOKENS, units=8, **options)


KINDS = {
    "hidden to hidden": lambda: built(SimpleRNN(8, return_sequences=True)),
    "a cell": lambda: PeepholeLSTMCell(8),
    "stock layer": lambda: built(keras.layers.LSTM(8)),
    "output to hidden": lambda: built(JordanRNN(8, 3, return_sequences=True)),
    "many to one": lambda: keras.Sequential([keras.layers.Embedding(50, 8), LSTM(8), keras.layers.Dense(2)]),
    "one to many": lambda: keras.Sequential(
        [keras.layers.RepeatVector(10), GRU(8, return_sequences=True), keras.layers.Dense(2)]
    ),
    "both directions": lambda: built(Bidirectional(PeepholeLSTM(8, return_sequences=True))),
    "deep": lambda: built(Stacked(LSTMCell(8), num_layers=3, return_sequences=True)),
    "language model": lambda: LanguageModel(50, units=8, num_layers=2, tie_weights=True),
    "classifier": lambda: Classifier(encoder(num_layers=2), ("a", "b")),
    "tagger": lambda: Tagger(encoder(), ("O", "B-X", "I-X")),
    "encoder and decoder": lambda: Seq2Seq(
        encoder(bidirectional=False), 60, cell="gru", units=8, attention="none"
    ),
    "attention": lambda: Seq2Seq(encoder(), 60, units=8, num_layers=2),
    "mean of the memory": lambda: Seq2Seq(encoder(), 60, units=8, bridge="mean"),
    "from a class": lambda: Seq2Seq(ClassEncoder(4), 60, units=8, attention="none"),
    "from regions": lambda: Seq2Seq(RegionEncoder(4), 60, units=8, bridge="mean"),
}


def overlapping(figure):
    """Pairs of labels that cover each other, and labels that leave the picture."""
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = {id(text): text.get_window_extent(renderer) for text in texts}
    found = [
        (a.get_text(), b.get_text())
        for a, b in itertools.combinations(texts, 2)
        if boxes[id(a)].overlaps(boxes[id(b)])
    ]
    width, height = figure.bbox.width, figure.bbox.height
    outside = [
        text.get_text()
        for text in texts
        if boxes[id(text)].x0 < 0
        or boxes[id(text)].y0 < 0
        or boxes[id(text)].x1 > width
        or boxes[id(text)].y1 > height
    ]
    return found, outside


QUICK = ("hidden to hidden", "both directions")
FORCED = ("output to hidden", "encoder and decoder")


def some_slow(kinds):
    return [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds]


@pytest.mark.parametrize("kind", some_slow(KINDS))
def test_no_label_covers_another_at_ten_steps(kind, tmp_path):
    path = tmp_path / "ten.png"
    assert overlapping(unfold(KINDS[kind](), 10, path)) == ([], [])
    assert matplotlib.image.imread(path)[..., :3].std() > 0.05


@pytest.mark.parametrize("kind", FORCED)
def test_no_label_covers_another_with_teacher_forcing(kind):
    assert overlapping(unfold(KINDS[kind](), 10, teacher_forcing=True)) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_no_node_covers_another_and_labels_fit(kind):
    network = describe(KINDS[kind]())
    for diagram in (recurrent_form(network), unfolded_graph(network, 10)):
        for a, b in itertools.combinations(diagram.nodes, 2):
            apart = [
                abs(getattr(a, axis) - getattr(b, axis)) >= (a.size[n] + b.size[n]) / 2 - 1e-9
                for n, axis in enumerate("xy")
            ]
            assert any(apart), (a, b)


def test_scalable_pictures(tmp_path):
    path = tmp_path / "lstm.svg"
    unfold(LSTM(8, return_sequences=True), 3, path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and "<svg" in path.read_text()


def symbols(network):
    return {p.symbol: (p.name, p.shape) for p in network.parameters}


def test_the_picture_is_of_the_actual_layer():
    network = describe(KINDS["both directions"]())
    (level,) = network.levels
    assert [d.backwards for d in level] == [False, True] and len(level[0].states) == 2
    assert symbols(network)["W_f"] == ("kernel", "(3, 32)")
    assert symbols(network)["p_b"] == ("peephole_kernel", "(3, 8)")
    assert describe(LSTM(8)).outputs == "last"
    assert describe(LSTM(8, return_sequences=True)).outputs == "every"
    assert [level[0].states for level in describe(KINDS["deep"]()).levels][2] == ("h_3", "c_3")
    assert (
        describe(KINDS["tagger"]()).chain == "A" and describe(KINDS["classifier"]()).outputs == "max pooling"
    )
    softmax = Tagger(encoder(), ("O", "B-X", "I-X"), head="softmax")
    assert describe(softmax).chain is None


def test_feedback_follows_the_recurrence():
    jordan = KINDS["output to hidden"]()
    for forced, kind in ((False, "output"), (True, "target")):
        diagram = unfolded_graph(describe(jordan, forced), 4)
        red = [edge for edge in diagram.edges if edge.symbol == "U" and len(edge.points) > 2]
        starts = {round(edge.points[0][1], 3) for edge in red}
        heights = {round(node.y, 3) for node in diagram.nodes if node.kind == kind}
        assert len(red) == 3 and starts == heights
    deep = unfolded_graph(describe(KINDS["deep"]()), 4)
    between = [edge for edge in deep.edges if edge.symbol and edge.symbol.startswith("U")]
    assert len(between) == 3 * 3


def test_shared_weights_are_named_once_in_the_graph():
    for kind in ("deep", "both directions", "tagger", "attention", "output to hidden"):
        graph = unfolded_graph(describe(KINDS[kind]()), 5)
        named = [edge.symbol for edge in graph.edges if edge.label and edge.symbol]
        assert len(named) == len(set(named)), kind
        folded = recurrent_form(describe(KINDS[kind]()))
        assert sum(node.kind == "delay" for node in folded.nodes) >= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: unfold(LSTM(8), 0), "`steps` must be positive, got 0"),
        (lambda: unfold(LSTM(8), 3, "x.jpg"), r"`path` must end in .png or .svg, got 'x.jpg'"),
        (lambda: unfold(keras.layers.Dense(3)), "`model_or_cell` must have a recurrent layer, got Dense"),
        (lambda: unfold(keras.Sequential([LSTM(3), LSTM(3)])), "the layer below gives its last step"),
    ],
)
def test_wrong_input_is_one_line(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_several_inputs_are_no_chain():
    a, b = keras.Input((None, 3)), keras.Input((None, 3))
    model = keras.Model([a, b], LSTM(4)(keras.layers.Concatenate()([a, b])))
    with pytest.raises(UserError, match="several inputs"):
        unfold(model)
