"""What all sessions of this process share: the settings and the source of answers."""

import functools
from dataclasses import dataclass
from datetime import timedelta

from vitalstream_dashboard.freshness import Freshness, Limits, judge
from vitalstream_dashboard.settings import DashboardSettings, SignInSettings
from vitalstream_dashboard.source import Answer, Source, timed
from vitalstream_runtime.settings import load
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection, open_pool
from vitalstream_storage.settings import DatabaseSettings

APPLICATION_NAME = "vitalstream-dashboard"


@dataclass(frozen=True, slots=True)
class Service:
    """The settings, and the one source that every session reads from.

    Attributes:
        settings: Of the pages.
        source: Reads as a viewer's login.
        sign_in: Where to sign in.
        operator: Reads as an operator's login, if there is one.
    """

    settings: DashboardSettings
    source: Source
    sign_in: SignInSettings
    operator: Source | None

    def close(self) -> None:
        """Give all connections back."""
        self.source.close()
        if self.operator is not None:
            self.operator.close()

    def freshness(self) -> Answer[Freshness]:
        """How fresh the stream is; one read for all that ask at about the same time."""
        return self.source.read("freshness", self._judge)

    def _judge(self, connection: Connection) -> Freshness:
        ledger = timed(reader.ledger, connection)
        return judge(ledger.positions, ledger.now, self.limits, self.settings.zone)

    @property
    def limits(self) -> Limits:
        """From when on data is late."""
        return Limits(
            behind=timedelta(seconds=self.settings.behind_seconds),
            silent=timedelta(seconds=self.settings.silent_seconds),
        )


@functools.cache
def service() -> Service:
    """This process's service, made from the environment when first asked for.

    Raises:
        SettingsError: a variable holds what is not allowed.
    """
    settings, database = load(DashboardSettings), load(DatabaseSettings)
    source = Source(
        lambda: open_pool(database, APPLICATION_NAME), query_seconds=settings.query_seconds
    )
    return Service(settings, source, load(SignInSettings), _operator(settings, database))


def _operator(settings: DashboardSettings, database: DatabaseSettings) -> Source | None:
    url = settings.operator_database_url
    if url is None:
        return None
    login = database.model_copy(update={"database_url": url})
    return Source(
        lambda: open_pool(login, f"{APPLICATION_NAME}-operator", min_size=0),
        query_seconds=settings.query_seconds,
    )
