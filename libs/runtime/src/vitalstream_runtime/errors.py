"""The exceptions that end a start with one line, and the exit code each of them means."""

from typing import ClassVar


class StartupError(Exception):
    """Something outside the program keeps it from running; waiting would not mend it.

    ``str()`` is one line for a person: what is wrong, where, and what to do. `program.run` prints
    it and exits with `exit_code`. Codes follow sysexits.h where it has a fitting one.
    """

    exit_code: ClassVar[int] = 1


class SettingsError(StartupError):
    """An environment variable or a mounted secret holds what is not allowed (EX_CONFIG)."""

    exit_code = 78


class PortInUseError(StartupError):
    """The ops port cannot be opened (EX_CANTCREAT)."""

    exit_code = 73


class KafkaStartupError(StartupError):
    """The broker or the topic is not as the settings say."""


class BrokerUnreachableError(KafkaStartupError):
    """No broker answered in the time that was given (EX_UNAVAILABLE)."""

    exit_code = 69


class AuthenticationError(KafkaStartupError):
    """The broker refused the user name, the password or the mechanism (EX_NOPERM)."""

    exit_code = 77


class BrokerCertificateError(KafkaStartupError):
    """TLS with the broker failed: wrong CA, wrong host name, or no TLS there (EX_PROTOCOL)."""

    exit_code = 76


class TopicMissingError(KafkaStartupError):
    """The topic does not exist and was not to be created, or could not be (EX_NOINPUT)."""

    exit_code = 66


class TopicNotAuthorizedError(KafkaStartupError):
    """The Kafka user lacks a right on the topic (EX_NOPERM)."""

    exit_code = 77
