"""The command line: thin commands, rendering of events, nothing else."""
