"""The benchmark runner; bench/run is its command line."""


class BenchError(Exception):
    """A measurement cannot be made or cannot be trusted; the text is one line for the user."""
