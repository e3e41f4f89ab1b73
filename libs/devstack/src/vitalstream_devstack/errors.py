"""What can go wrong while servers are downloaded, started or stopped; each says what to do."""

from vitalstream_runtime.errors import StartupError


class DevstackError(StartupError):
    """Base of everything this package raises for a person; `str()` is one line."""


class CancelledError(DevstackError):
    """Somebody asked to stop while something was starting."""

    exit_code = 130


class DownloadError(DevstackError):
    """The Kafka jars are neither cached nor downloadable."""


class ServerStartError(DevstackError):
    """A server ended, or did not answer in time, while it was starting."""


class PortTakenError(DevstackError):
    """A port that was asked for is already in use."""


class DataDirectoryError(DevstackError):
    """A data directory cannot be written or reached."""


class AlreadyRunningError(DevstackError):
    """Another live process holds this data directory."""
