"""What ends the producer with one line."""

from vitalstream_runtime.errors import StartupError


class UndeliverableError(StartupError):
    """The broker refuses one record after another for what they are (EX_DATAERR)."""

    exit_code = 65


class AckLogError(StartupError):
    """The file of PRODUCER_ACK_LOG cannot be written (EX_IOERR)."""

    exit_code = 74


class TruthLogError(StartupError):
    """The file of PRODUCER_TRUTH_LOG cannot be written (EX_IOERR)."""

    exit_code = 74
