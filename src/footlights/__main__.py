"""`python -m footlights`."""

from footlights.cli.ending import main

main()
