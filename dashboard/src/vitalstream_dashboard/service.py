"""What all sessions of this process share: the settings and the source of answers."""

import functools
from dataclasses import dataclass
from datetime import timedelta

from vitalstream_dashboard.freshness import Limits
from vitalstream_dashboard.settings import DashboardSettings
from vitalstream_dashboard.source import Source
from vitalstream_runtime.settings import load
from vitalstream_storage.pool import open_pool
from vitalstream_storage.settings import DatabaseSettings

APPLICATION_NAME = "vitalstream-dashboard"


@dataclass(frozen=True, slots=True)
class Service:
    """The settings, and the one source that every session reads from."""

    settings: DashboardSettings
    source: Source

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
    return Service(settings, source)
