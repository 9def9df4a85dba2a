"""Exports behind HTTP: versions, micro-batches, TensorFlow Serving's REST, metrics, a page for people."""
