"""`python -m vitalstream_consumer replay`: dead letters go back to their topic, as they came."""

from vitalstream_consumer.replay.command import main

__all__ = ["main"]
