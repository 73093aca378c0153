"""Distributed histogram equalization: one master API, N workers, bytes equal to a single process."""
