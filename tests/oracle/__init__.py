"""What the tables must hold after given traffic, worked out by nothing that the product uses.

Plain json, decimal and datetime: no line is shared with the codec or the writer, so that a mistake
of theirs is not repeated here. `verify` compares the tables with the traffic row for row.
"""

from tests.oracle.compare import MismatchError, verify
from tests.oracle.sent import Sent, read_ack_log, read_topic

__all__ = ["MismatchError", "Sent", "read_ack_log", "read_topic", "verify"]
