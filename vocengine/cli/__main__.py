"""`python -m vocengine.cli`."""

from vocengine.cli.main import main

main()
