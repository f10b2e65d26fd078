"""`python -m footlights`."""

from footlights.cli.app import main

main()
