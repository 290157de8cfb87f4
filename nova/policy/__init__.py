"""What every room obeys, as pure functions: rules of input, permissions, visibility. No I/O."""
