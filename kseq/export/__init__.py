"""Models for other programs: SavedModel, the manifest that travels with them."""
