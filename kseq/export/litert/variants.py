"""In which numbers a model is stored and computed."""

import dataclasses

from kseq.errors import one_of


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to store and to compute numbers.

    Args:
        name: of the variant, and of its file.
        about: in words.
        optimize: whether the converter quantises at all.
        calibrated: whether activations are integers too, whose ranges a set of typical inputs tells; no loop
            may be in the graph then.
        half: whether weights are stored as float16.
    """

    name: str
    about: str
    optimize: bool = True
    calibrated: bool = False
    half: bool = False

    @property
    def hybrid(self) -> bool:
        """Whether weights are int8 and activations floats."""
        return self.optimize and not self.half and not self.calibrated

    @property
    def exact(self) -> bool:
        """Whether it must give what the model gives."""
        return not self.optimize


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("float32", "as trained", optimize=False),
        Variant("float16", "weights float16", half=True),
        Variant("dynamic_range", "weights int8, activations float32"),
        Variant("int8", "weights and activations int8, calibrated", calibrated=True),
    )
}


def variant(name: str) -> Variant:
    """A variant by its name.

    Raises:
        UserError: there is none of this name.
    """
    return VARIANTS[one_of("variant", name, VARIANTS)]
