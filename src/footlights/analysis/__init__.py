"""Intelligent analysis: one decode, many analysers, each one file; what they find becomes the survey."""
