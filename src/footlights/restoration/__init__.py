"""Stages that repair what the analysis found, and the chain that streams pictures through them."""
