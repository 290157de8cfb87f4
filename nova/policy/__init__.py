"""What every room obeys, as pure functions: rules of input, permissions, visibility, topics. No I/O."""
