import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.files import read_history
from kseq.training.callbacks import StopOnNaN, TokensPerSecond
from kseq.training.checkpoints import BestModel, History
from kseq.training.interruption import TimeLimit
from tests.training.toys import STEPS, On, Record, X, Y, fit, model, new_run, standard, train


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path)


class Clock:
    """Stands in for the module `time`: passes only when told to."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("kseq.training.callbacks.time", clock)
    monkeypatch.setattr("kseq.training.interruption.time", clock)
    return clock


def test_tokens_per_second_leaves_compilation_and_validation_out(clock):
    record = Record()
    speed = TokensPerSecond(1000)
    compilation = On("on_train_batch_begin", lambda e, b: clock.wait(9 * (e == 0 and b == 0)))
    steps = On("on_train_batch_begin", lambda e, b: clock.wait(1 + e))
    validation = On("on_test_begin", lambda e, b: clock.wait(30))
    fit(model(), [speed, compilation, steps, validation, record], epochs=2)
    assert [logs["tokens/s"] for logs in record.logs] == [1000, 500]


def test_tokens_per_second_is_in_the_progress_bar(capsys):
    fit(model(), [TokensPerSecond(100)], epochs=1, verbose=1)
    assert "tokens/s: " in capsys.readouterr().out


def test_tokens_per_second_counts_steps_per_execution(clock):
    net = model()
    net.compile("sgd", "mse", steps_per_execution=2)
    record = Record()
    slow = On("on_train_batch_begin", lambda e, b: clock.wait(1))
    fit(net, [TokensPerSecond(100), slow, record], epochs=1)
    assert record.batches == 3 and record.logs[0]["tokens/s"] == 200


def test_tokens_per_second_of_one_step(clock):
    record = Record()
    slow = On("on_train_batch_begin", lambda e, b: clock.wait(2))
    fit(model(), [TokensPerSecond(100), slow, record], epochs=2, batch_size=24)
    assert [logs["tokens/s"] for logs in record.logs] == [50, 50]


def test_nan_is_an_error_that_says_where_and_keeps_the_backup(run):
    net = model()

    def spoil(epoch, batch):
        if (epoch, batch) == (1, 2):
            net.set_weights([weight * np.nan for weight in net.get_weights()])

    with pytest.raises(UserError, match=r"loss became nan in epoch 2, batch 3: lower the learning"):
        train(run, net, On("on_train_batch_begin", spoil))
    assert run.status == "failed" and len(read_history(run.history)["epoch"]) == 1
    assert np.isfinite(keras.models.load_model(run.model).get_weights()[0]).all()
    record = Record()
    train(run, model(), record)
    assert record.epochs == [1, 2] and run.status == "finished"


def test_nan_in_the_first_epoch_leaves_nothing(run):
    with pytest.raises(UserError):
        train(run, model(1e30))
    assert not run.path.exists()


def test_stop_on_nan_alone_lets_numbers_pass():
    fit(model(), [StopOnNaN()], epochs=1)


def test_time_limit_ends_the_epoch_early_and_validates(clock):
    record = Record()
    limit = TimeLimit(7.5)
    steps = On("on_train_batch_begin", lambda e, b: clock.wait(1))
    validation = On("on_test_batch_begin", lambda e, b: clock.wait(30))
    fit(model(), [steps, validation, limit, record], epochs=9)
    assert record.epochs == [0, 1] and record.batches == STEPS + 2
    assert "val_loss" in record.logs[-1] and limit.elapsed == 8


def test_no_time_limit_and_evaluate_alone(clock):
    limit = TimeLimit(None)
    net = model()
    fit(net, [On("on_train_batch_begin", lambda e, b: clock.wait(1)), limit], epochs=1)
    clock.wait(5)
    net.evaluate(X, Y, callbacks=[limit], verbose=0)
    assert limit.elapsed == STEPS


def test_a_finished_run(run):
    net = train(run, model(), options={"tokens_per_step": 4, "lr_patience": 2, "patience": 9})
    assert run.status == "finished" and not run.backup.exists()
    history = read_history(run.history)
    assert history["epoch"] == [0, 1, 2] and history["learning_rate"] == pytest.approx([0.05] * 3)
    assert {"loss", "val_loss", "tokens/s"} <= set(history)
    assert list(run.tensorboard.rglob("events*"))
    best = keras.models.load_model(run.model)
    assert best.evaluate(X, Y, verbose=0) == pytest.approx(min(history["val_loss"]), rel=1e-5)
    named = {"config.yaml", "environment.json", "status.json", "history.csv", "model.keras"}
    assert {path.name for path in run.path.iterdir()} == named | {"tensorboard"}
    assert net.optimizer.iterations == 3 * STEPS


def test_what_fails_after_training_leaves_the_run_finished(run):
    with pytest.raises(KeyboardInterrupt), run.training():
        fit(model(), standard(run, tensorboard=False), epochs=1)
        raise KeyboardInterrupt
    assert run.status == "finished"


def test_early_stopping_and_plateau(run):
    record = Record()
    options = {"patience": 3, "lr_patience": 1, "lr_factor": 0.1, "min_lr": 1e-3}
    net = model(0.5)

    def hold(epoch, batch):
        net.set_weights([np.full_like(weight, 9) for weight in net.get_weights()])

    stuck = On("on_test_begin", hold)
    train(run, net, record, stuck, epochs=30, options=options | {"tensorboard": False})
    assert record.epochs == [0, 1, 2, 3] and run.status == "finished"
    assert not run.tensorboard.exists()
    rates = read_history(run.history)["learning_rate"]
    assert rates == pytest.approx([0.5, 0.5, 0.05, 0.005])


def test_best_model_is_the_best_and_is_replaced_as_a_whole(tmp_path):
    net = model()
    path = tmp_path / "{odd}" / "model.keras"
    path.parent.mkdir()
    best = BestModel(path, "val_loss", "min")
    best.set_model(net)
    (path.parent / ".model-saving.keras").write_text("half a file")
    best.on_train_begin()
    for epoch, loss in enumerate((2.0, 1.0, 3.0)):
        net.set_weights([np.full_like(weight, epoch) for weight in net.get_weights()])
        best.on_epoch_begin(epoch)
        best.on_epoch_end(epoch, {"val_loss": loss})
    loaded = keras.models.load_model(path, compile=False)
    assert loaded.get_weights()[0][0, 0] == 1
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


def test_a_torn_row_is_cut(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,val_loss\n0,1.0,1.0\n1,0.")
    net = model()
    net.fit(X, Y, callbacks=[History(path, append=True)], epochs=3, initial_epoch=1, verbose=0)
    assert read_history(path)["epoch"] == [0, 1, 2] and len(path.read_text().splitlines()) == 4


def test_options_that_are_off_are_left_out(run):
    names = [type(callback).__name__ for callback in standard(run, tensorboard=False)]
    expected = ["StopOnNaN", "TimeLimit", "BestModel", "History", "Backup", "LambdaCallback"]
    assert names == [*expected, "StopOnSignal"]
