"""What a component of the example writes to, without an engine around it."""


class Artifact:
    """A path with metadata."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.uri = path
        self.metadata: dict[str, object] = {}
