"""The REST interface: requests in, one use case called, its answer out as JSON or bytes."""
