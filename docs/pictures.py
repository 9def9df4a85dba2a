"""Makes the pictures of these pages: `python docs/pictures.py`, or those that are named.

Learning curve and attention (`learning_curve.png`, `attention.png`) come from runs of the pipelines.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from kseq.cells import LSTMCell
from kseq.inspection import activity, activity_plot, compare_cells, gradient_flow, memory_probe, unfold
from kseq.inspection.gradients import clipping_effect, clipping_plot, flow_plot
from kseq.inspection.memory import TASKS, memory_plot
from kseq.inspection.memory.tasks import WORDS
from kseq.inspection.transitions import transition_plot
from kseq.layers import CRF, GRU, LSTM, Bidirectional, JordanRNN, PeepholeLSTM, SimpleRNN, Stacked
from kseq.losses import CRFLoss
from kseq.models import ClassEncoder, Classifier, Seq2Seq, SequenceEncoder

IMAGES = Path(__file__).parent / "images"
BLUE, RED, GREY = "#0072B2", "#D55E00", "#444444"


def graphs():
    """Unfolded graphs of every pattern."""
    sequences = {"return_sequences": True}
    tokens = {"tokens": 5000}
    things = {
        "recurrence": (SimpleRNN(8, **sequences), {}),
        "jordan": (JordanRNN(8, 3, **sequences), {}),
        "jordan_forced": (JordanRNN(8, 3, **sequences), {"teacher_forcing": True}),
        "peepholes": (PeepholeLSTM(8, **sequences), {}),
        "notation": (GRU(8, **sequences), {}),
        "bidirectional": (Bidirectional(LSTM(8, **sequences)), {}),
        "deep": (Stacked(LSTMCell(8), num_layers=3, **sequences), {}),
        "many_to_one": (Classifier(SequenceEncoder(tokens, units=64), ("good", "bad")), {}),
        "one_to_many": (Seq2Seq(ClassEncoder(10), 30, "gru", 64, attention="none"), {}),
        "encoder_decoder": (
            Seq2Seq(SequenceEncoder(tokens, units=64, bidirectional=False), 60, units=64, attention="none"),
            {},
        ),
        "attention_graph": (Seq2Seq(SequenceEncoder(tokens, units=64), 60, units=64), {"steps": 3}),
    }
    for name, (thing, options) in things.items():
        if isinstance(thing, keras.Model):
            thing.build()
        else:
            thing(np.zeros((1, 2, 3), "float32"))
        unfold(thing, **{"steps": 4, **options}).savefig(IMAGES / f"{name}.png", dpi=100)


def through_time():
    """What the loop back of an LSTM carries."""
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [keras.Input((60, 8)), LSTM(64, return_sequences=True, name="m"), keras.layers.Dense(1)]
    )
    batch = rng.normal(size=(8, 60, 8)).astype("float32"), rng.normal(size=(8, 60, 1)).astype("float32")
    figure, axes = _figure()
    for at, style in (("last", "-"), ("all", (0, (4, 2)))):
        flow = gradient_flow(model, batch, loss="mse", at=at, jacobians=0).layers["m"]
        steps = "the last step" if at == "last" else "all steps"
        for norms, symbol, colour in zip(flow.by_state, "hc", (RED, BLUE), strict=True):
            shown = np.where(norms > 0, norms, np.nan)
            axes.semilogy(shown, color=colour, linestyle=style, label=f"d({symbol}(t)), loss of {steps}")
    axes.set(xlabel="t", ylabel="norm of the gradient")
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(IMAGES / "through_time.png", dpi=100)


def teacher_forcing():
    """The error of a Jordan network that was trained on true outputs, step by step."""
    rng = np.random.default_rng(0)

    def waves(count):
        phase, pace = rng.uniform(0, 6, (count, 1)), rng.uniform(0.3, 0.5, (count, 1))
        y = np.sin(phase + pace * np.arange(40)) + 0.05 * rng.normal(size=(count, 40))
        return np.broadcast_to(pace, y.shape)[..., None].astype("float32"), y[..., None].astype("float32")

    keras.utils.set_random_seed(1)
    x_in, y_in = keras.Input((40, 1)), keras.Input((40, 1))
    layer = JordanRNN(32, 1, return_sequences=True)
    model = keras.Model([x_in, y_in], layer(x_in, targets=y_in))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x, y = waves(512)
    model.fit([x, y], y, epochs=60, verbose=0)
    x, y = waves(256)
    figure, axes = _figure()
    for outputs, name, colour in (
        (layer(x), "fed its own outputs (as in use)", RED),
        (layer(x, targets=y), "fed true outputs (as in training)", BLUE),
    ):
        errors = np.sqrt(np.mean((np.asarray(outputs) - y) ** 2, axis=(0, 2)))
        axes.plot(np.arange(1, 41), errors, color=colour, linewidth=1.8, label=name)
    axes.set(xlabel="step", ylabel="error (root mean square)", ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(IMAGES / "teacher_forcing.png", dpi=100)


def perplexity():
    """Parameters of a full n-gram table and of a network."""
    vocabulary = np.logspace(2, 5, 30)
    figure, axes = _figure()
    for n, colour in ((2, "#56B4E9"), (3, BLUE), (5, "#009E73")):
        axes.loglog(
            vocabulary, vocabulary ** (n - 1) * (vocabulary - 1), color=colour, label=f"full {n}-gram table"
        )
    network = vocabulary * 256 + 4 * 256 * 513 + vocabulary * 257
    axes.loglog(vocabulary, network, color=RED, linewidth=2.2, label="LSTM of 256 units")
    axes.set(xlabel="tokens of the vocabulary", ylabel="parameters")
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(IMAGES / "perplexity.png", dpi=100)


def vanishing():
    """Cells side by side, and clipping."""
    flows = compare_cells(jacobians=8)
    flows["lstm, forget bias 5"] = compare_cells(("lstm",), forget_bias=5.0, jacobians=8)["lstm"]
    flow_plot(flows, IMAGES / "cells.png", title="64 units, as initialised")
    clipping_plot(clipping_effect(), IMAGES / "clipping.png", title="an Elman network, 60 updates")


def gates():
    """A small LSTM that has learned agreement."""
    keras.utils.set_random_seed(2)
    draw = TASKS["agreement"].draw
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((11, len(WORDS))), LSTM(8, name="memory"), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.02), TASKS["agreement"].loss(), jit_compile=False)
    model.fit(*draw(rng, 8000, 9), batch_size=32, epochs=4, verbose=0)
    sentence = ["the", "boxes", "near", "the", "cat", "behind", "the", "key", "above", "the", "river"]
    x = np.eye(len(WORDS), dtype="float32")[[WORDS.index(word) for word in sentence]][None]
    found = activity(model, x)["memory"]
    title = f"{('was', 'were')[int(np.argmax(model(x)[0]))]}"
    activity_plot(
        found,
        sentence,
        IMAGES / "gates.png",
        symbols=("i", "f", "c"),
        title=f"the verb that follows: {title}",
    )


def crf():
    """Transitions learned from tag sequences of a simple kind."""
    keras.utils.set_random_seed(1)
    labels = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    chain = np.array(
        [[6, 2, 0, 2, 0], [4, 0, 6, 0, 0], [7, 0, 3, 0, 0], [8, 0, 0, 0, 2], [9, 0, 0, 0, 1]], float
    )
    rng = np.random.default_rng(0)
    tags = np.zeros((500, 12), int)
    for t in range(1, 12):
        share = chain[tags[:, t - 1]] / chain[tags[:, t - 1]].sum(1, keepdims=True)
        tags[:, t] = (rng.uniform(size=(500, 1)) > share.cumsum(1)).sum(1)
    noisy = np.eye(5)[tags] + rng.normal(size=(500, 12, 5))
    layer = CRF(5, labels, scheme="BIO")
    model = keras.Sequential([keras.Input((12, 5)), keras.layers.Dense(5), layer])
    model.compile(keras.optimizers.Adam(0.05), CRFLoss(), jit_compile=False)
    model.fit(noisy.astype("float32"), tags, batch_size=50, epochs=15, verbose=0)
    transition_plot(layer, IMAGES / "crf.png")


def beam_search():
    """The best sequence that a beam finds in random chains, as a share of the best there is."""
    from kseq.decoding import beam_search as search

    rng = np.random.default_rng(0)
    sizes, chains = (1, 2, 3, 4, 6, 8), 100
    log_p = keras.ops.convert_to_tensor(
        np.log(rng.dirichlet(0.4 * np.ones(8), (chains, 8)) + 1e-12), "float32"
    )

    def step(last_ids, states):
        rows = keras.ops.take(log_p, keras.ops.cast(states["chain"][:, 0], "int32"), axis=0)
        return keras.ops.take_along_axis(rows, last_ids[:, None, None], axis=1)[:, 0], states

    start = keras.ops.zeros(chains, "int32"), {"chain": keras.ops.arange(chains, dtype="float32")[:, None]}
    found = [
        np.asarray(search(step, *start, beam_size=size, length=8, eos_id=0).log_probs)[:, 0] for size in sizes
    ]
    missed = np.array(found).max(0) - np.array(found)  # (sizes, chains)
    figure, axes = _figure()
    axes.plot(sizes, missed.mean(1), "o-", color=BLUE, linewidth=1.8)
    axes.set(xlabel="beam size (1: greedy search)", ylabel="nats short of the best that was found")
    axes.set_ylim(0, None)
    figure.savefig(IMAGES / "beam_search.png", dpi=100)


def memory():
    """How far back each cell learns to add."""
    probes = memory_probe("adding", delays=(12, 25, 50, 100), max_updates=1500, time_limit=1e6)
    memory_plot(probes, IMAGES / "memory_adding.png", title="64 units, 1,500 updates at most")


def _figure():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


ALL = (graphs, through_time, teacher_forcing, perplexity, vanishing, gates, crf, beam_search, memory)

if __name__ == "__main__":
    for picture in ALL:
        if len(sys.argv) == 1 or picture.__name__ in sys.argv[1:]:
            picture()
