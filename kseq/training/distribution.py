"""Training on several devices, here or on several machines, as if it were on one.

Keras 3.15 cannot: under `MultiWorkerMirroredStrategy` its `fit` fails (keras issue 20585), gradients are
clipped before they are summed, and a mean over the batch becomes a mean of means. Everything that is done
instead is in this file.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kseq.errors import UserError, one_of, positive

STRATEGIES = ("none", "mirrored", "multi-worker")
THREADS = 8  # for operations of a part of the CPU
MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def make_strategy(name: str, replicas: int | None = None) -> tf.distribute.Strategy | None:
    """A strategy by name; to be made before anything else is done with TensorFlow.

    Args:
        name: `"none"`; `"mirrored"`, all GPUs of this machine or, without one, as many parts of the CPU;
            `"multi-worker"`, all processes that the environment variable `TF_CONFIG` names.
        replicas: parts of the CPU for `"mirrored"`; None: 2.

    Raises:
        UserError: another name, or no `TF_CONFIG`.
    """
    one_of("strategy", name, STRATEGIES)
    positive("replicas", replicas)
    if name == "none":
        return None
    if name == "multi-worker":
        _check_cluster()
        return tf.distribute.MultiWorkerMirroredStrategy()
    if not tf.config.list_physical_devices("GPU"):
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(replicas or 2)]
        # replicas wait for each other inside operations: with a thread a core all of them may be waiting
        tf.config.threading.set_inter_op_parallelism_threads(THREADS * len(parts))
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
        return tf.distribute.MirroredStrategy([f"CPU:{n}" for n in range(len(parts))])
    return tf.distribute.MirroredStrategy()


def scope(strategy: tf.distribute.Strategy | None) -> contextlib.AbstractContextManager:
    """Inside, models are made for a strategy, if there is one."""
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def worker() -> int:
    """The number of this process among those of `TF_CONFIG`, 0 for the chief and where there is one only."""
    task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    return 0 if task.get("type") == "chief" else int(task.get("index", 0))


def share(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> tf.distribute.DistributedDataset:
    """Batches of which each replica gets its rows.

    Of a batch of 5 rows the first of two replicas gets rows 0 and 1, the second rows 2 to 4, and so in
    every batch: what a row of a stream carries from batch to batch stays on its replica. A replica for which
    nothing is left gets a row that does not count. Elements are `((inputs, targets, weights), rows)`.

    Args:
        batches: the whole batches, the same ones in every process.
        strategy: with its replicas.
    """
    parts = strategy.distribute_datasets_from_function(lambda context: _parts(batches, context))

    class Shared(type(parts)):  # a kind of data that Keras takes for one of TensorFlow's
        def __iter__(self) -> Any:
            return _Lazily(super().__iter__)

        cardinality = property(lambda self: int(batches.cardinality()))

    parts.__class__ = Shared
    return parts


class _Lazily:
    """An iterator that is made when it is first read: Keras makes some that it never reads."""

    def __init__(self, make: Callable[[], Any]):
        self._make, self._made = make, None

    def __iter__(self) -> "_Lazily":
        return self

    def __next__(self) -> Any:
        return next(self.made)

    @property
    def made(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made


def _parts(batches: tf.data.Dataset, context: tf.distribute.InputContext) -> tf.data.Dataset:
    replicas = context.num_replicas_in_sync
    here = replicas // context.num_input_pipelines
    first = context.input_pipeline_id * here

    def part(n: tf.Tensor, *batch: Any) -> tuple[Any, tf.Tensor]:
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        size = tf.shape(tf.nest.flatten(inputs)[0])[0]
        start, end = n * size // replicas, (n + 1) * size // replicas
        rows = end - start
        weights = tf.ones([size]) if weights is None else tf.cast(weights, tf.float32)
        weights = weights * tf.cast(rows > 0, tf.float32)
        start = tf.minimum(start, size - 1)
        cut = tf.nest.map_structure(
            lambda x: x[start : start + tf.maximum(rows, 1)], (inputs, targets, weights)
        )
        return cut, rows

    def apart(*batch: Any) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(first, first + here, output_type=tf.int32)
        return numbers.map(lambda n: part(n, *batch))

    return batches.flat_map(apart)


@contextlib.contextmanager
def distributed(model: keras.Model, strategy: tf.distribute.Strategy, element_spec: Any) -> Iterator[None]:
    """Inside, `fit` and `evaluate` of a model take batches of `share` and mean what they mean in one process.

        L = sum_r rows(r) / rows * L(r)             L(r) the mean over the rows of replica r

    The gradients are summed over all replicas, then clipped. Metrics are added up over replicas and
    processes where they are read, at the end of an epoch; what a progress bar shows is the share of
    this process.

    Args:
        model: built and compiled within the strategy's scope.
        strategy: its.
        element_spec: of the whole batches.

    Raises:
        UserError: Keras is not as this was written for.
    """
    _probe(model)
    names = ("_maybe_symbolic_build", "train_function", "test_function")
    before = {name: model.__dict__.get(name) for name in names}
    blank = tf.nest.map_structure(lambda x: tf.zeros([n or 1 for n in x.shape], x.dtype), element_spec)
    model._maybe_symbolic_build(data_batch=blank)  # metrics and optimizer, which must not be made in a step
    model._maybe_symbolic_build = lambda *_, **__: None
    model.train_function = _function(model, strategy, _train_step)
    model.test_function = _function(model, strategy, _test_step)
    try:
        yield
    finally:
        del model._maybe_symbolic_build
        model.train_function, model.test_function = before["train_function"], before["test_function"]


def _function(model: keras.Model, strategy: tf.distribute.Strategy, step: Callable) -> Callable:
    @tf.autograph.experimental.do_not_convert
    def run(elements: list[Any]) -> Any:
        def own() -> Any:
            number = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
            return step(model, *elements[int(number) % len(elements)])

        outputs = strategy.run(own)
        return tf.nest.map_structure(lambda x: strategy.experimental_local_results(x)[0], outputs)

    compiled = tf.function(run, reduce_retracing=True)  # which knows how to do so for tensors only

    def call(batches: _Lazily) -> Any:
        element = next(batches.made)
        local = strategy.experimental_local_results
        count = len(local(element[1]))
        return compiled([tf.nest.map_structure(lambda x, n=n: local(x)[n], element) for n in range(count)])

    return call


def _train_step(model: keras.Model, data: Any, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    replica = tf.distribute.get_replica_context()
    optimizer, variables = model.optimizer, model.trainable_variables
    with tf.GradientTape() as tape:
        predicted, loss = _loss(model, data, training=True)
        total = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(rows))
        share = tf.cast(rows, loss.dtype) / tf.cast(total, loss.dtype)
        scaled = loss * share
        if model.losses:  # of the weights, the same on all
            scaled += tf.add_n(model.losses) / replica.num_replicas_in_sync
    gradients = tape.gradient(scaled, [variable.value for variable in variables])
    gradients = [tf.identity(tf.convert_to_tensor(gradient)) for gradient in gradients]
    gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if optimizer.global_clipnorm:
        gradients, _ = tf.clip_by_global_norm(gradients, optimizer.global_clipnorm)
    # the optimizer sums once more over the replicas, which all have the same by now
    optimizer.apply([g / replica.num_replicas_in_sync for g in gradients], variables)
    return _measure(model, data, predicted, loss, rows)


def _test_step(model: keras.Model, data: Any, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    predicted, loss = _loss(model, data, training=False)
    return _measure(model, data, predicted, loss, rows)


def _loss(model: keras.Model, data: Any, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Predictions, and the mean loss over the rows of this replica."""
    inputs, targets, weights = data
    predicted = model(inputs, training=training)
    loss = model.loss(targets, predicted, weights)
    if model.loss.reduction in MEANS:  # which Keras divides by the number of replicas
        loss *= tf.distribute.get_strategy().num_replicas_in_sync
    return predicted, loss


def _measure(
    model: keras.Model, data: Any, predicted: tf.Tensor, loss: tf.Tensor, rows: tf.Tensor
) -> dict[str, tf.Tensor]:
    tracker = next(metric for metric in model.metrics if metric.name == "loss")
    tracker.update_state(loss, sample_weight=tf.cast(rows, tf.float32))
    inputs, targets, weights = data
    return model.compute_metrics(inputs, targets, predicted, weights)


def _probe(model: keras.Model) -> None:
    """Raises unless Keras has what is replaced here, and a loss that can be taken apart."""
    version = tuple(map(int, keras.version().split(".")[:2]))
    has = all(hasattr(model, name) for name in ("_maybe_symbolic_build", "train_function", "test_function"))
    if not has or not (3, 12) <= version < (3, 16):
        raise UserError(
            f"training on several devices was written for Keras 3.12 to 3.15, got {keras.version()}"
        )
    if not isinstance(model.loss, keras.losses.Loss) or model.optimizer.clipnorm or model.optimizer.clipvalue:
        raise UserError("training on several devices takes one loss, and clipping by the global norm only")
    if model.optimizer.use_ema:
        raise UserError("training on several devices keeps no average of the weights (`ema_momentum`)")


def _check_cluster() -> None:
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        workers = [*config["cluster"].get("chief", []), *config["cluster"].get("worker", [])]
        known = workers and config["task"]["type"] in ("chief", "worker")
        known = known and isinstance(config["task"]["index"], int)
    except KeyError as error:
        if error.args[0] == "TF_CONFIG":
            raise UserError(
                "the strategy `multi-worker` needs the environment variable TF_CONFIG; on one machine: "
                "python -m kseq.training.launch -n 2 -- COMMAND"
            ) from None
        known = False
    except (ValueError, TypeError, AttributeError):
        known = False
    if not known:
        raise UserError(
            'TF_CONFIG must be like {"cluster": {"worker": ["host:port", ...]}, '
            f'"task": {{"type": "worker", "index": 0}}}}, got {os.environ["TF_CONFIG"]}'
        )
