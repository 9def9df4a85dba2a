from tests.op_by_op import op_by_op  # noqa: F401
