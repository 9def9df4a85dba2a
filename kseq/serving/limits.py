"""What a server takes at most, so that no request can use it up."""

import dataclasses

from kseq.errors import not_negative, positive


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of one request and of what waits.

    Args:
        body: bytes of a request.
        rows: of a batch, sent as one or merged from several requests; 1 merges none.
        text: characters of a string.
        padded: of a batch, rows times the longest row in characters or numbers: what padding makes of it.
        waiting: rows that wait for one signature; more are turned away.
        length: tokens that are written on request, the input `length` of a signature.
        beam_size: likewise the input `beam_size`.
        seconds: until a request is answered, reading it included.
    """

    body: int = 1 << 20
    rows: int = 256
    text: int = 10_000
    padded: int = 200_000
    waiting: int = 2048
    length: int = 1000
    beam_size: int = 32
    seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            positive(field.name, getattr(self, field.name))
        not_negative("length", self.length)

    def options(self) -> dict[str, tuple[int, int]]:
        """Scalar inputs whose size decides how long a model computes: name to smallest and largest."""
        return {"length": (0, self.length), "beam_size": (1, self.beam_size)}
