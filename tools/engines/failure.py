"""What keeps an engine from running, in one sentence with the way out."""


class CannotHave(Exception):
    """This machine cannot have an engine; the others can go on without it."""
