"""The composition root and the command line: the only place that knows every room and every engine."""
