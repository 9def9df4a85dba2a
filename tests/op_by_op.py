"""A fixture for test modules that call many small layers without compiling them."""

import keras
import pytest


@pytest.fixture(scope="module", autouse=True)
def op_by_op():
    """Runs JAX without compilation: each eager `scan` would be compiled anew, for a second.

    What `gradients(..., compiled=True)` compiles is compiled nevertheless.
    """
    if keras.backend.backend() == "jax":
        import jax

        with jax.disable_jit():
            yield
    else:
        yield
