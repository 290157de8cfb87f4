"""`python -m nova.app` is `nova`."""

from nova.app.cli import main

main()
