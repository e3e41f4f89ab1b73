"""`python -m tests.configuration.document` writes docs/configuration.md from the settings classes.

It lives among the tests because it needs every room's settings, which no room may import.
"""

import inspect
import sys
from pathlib import Path

from pydantic_settings import BaseSettings

from vitalstream_consumer.replay import errors as replay_errors
from vitalstream_consumer.settings import ConsumerSettings
from vitalstream_dashboard.settings import DashboardSettings, SignInSettings, StreamlitSettings
from vitalstream_devstack.demo.settings import DemoSettings
from vitalstream_producer import errors as producer_errors
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime import errors as runtime_errors
from vitalstream_runtime import program
from vitalstream_runtime.errors import KafkaStartupError, StartupError
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, markdown
from vitalstream_runtime.tracing import TracingSettings
from vitalstream_storage import errors as storage_errors
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
SECTIONS: dict[str, type[BaseSettings] | list[type[BaseSettings]]] = {
    "Every service": ServiceSettings,
    "Kafka (producer, consumer)": KafkaSettings,
    "Tracing (producer, consumer)": TracingSettings,
    "PostgreSQL (consumer, dashboard, migrations)": DatabaseSettings,
    "Maintenance (`python -m vitalstream_storage maintain`)": MaintenanceSettings,
    "Producer": ProducerSettings,
    "Consumer": ConsumerSettings,
    "Dashboard": [DashboardSettings, SignInSettings, StreamlitSettings],
    "Demo (`make demo`)": DemoSettings,
}
_HEAD = """\
# Configuration
<!-- Written by `make docs` from the settings classes; a test holds it to them. -->

Everything is set by environment variables. An empty variable counts as unset, names and keywords
may be in any case. A value that is not allowed stops the start with one line that names its
variable; one that looks misspelled is warned about in the log (`unknown_setting`).

A variable may also be a file: named like it, in the folder `SECRETS_DIR` (where that is unset,
`/run/secrets/vitalstream` if it exists). The environment is stronger. Secrets are never shown, in
no log and no error.

"""


_BASES = (StartupError, KafkaStartupError)
_TAIL = """
The demo uses the servers that `KAFKA_BOOTSTRAP_SERVERS` and `DATABASE_URL` name instead of starting
its own, and shows its page at `STREAMLIT_SERVER_PORT`.

## Exit codes
What keeps a program from running is one line on stderr that begins with the error's name.

| code | error | meaning |
|---|---|---|
| 0 | | Stopped as it was asked to, or done. |
| 1 | | The producer was stopped before everything was acknowledged, or a record was refused. |
"""
_END = f"""\
| {program.EXIT_UNEXPECTED} | any other | A fault of ours; its traceback is on stderr. |
| {program.EXIT_INTERRUPTED} | | Interrupted, or a second SIGINT cut the stop short. |
| 143 | | A second SIGTERM cut the stop short. |
"""


def text() -> str:
    """The whole page."""
    errors = sorted(
        (kind.exit_code, name, (inspect.getdoc(kind) or "").partition("\n")[0])
        for module in (runtime_errors, storage_errors, producer_errors, replay_errors)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, StartupError) and kind not in _BASES
    )
    rows = "".join(f"| {code} | `{name}` | {meaning} |\n" for code, name, meaning in errors)
    return _HEAD + markdown(SECTIONS) + _TAIL + rows + _END


def main() -> int:
    """Write the page; says so if it has changed."""
    new = text()
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == new:
        return 0
    DOCUMENT.write_text(new, encoding="utf-8")
    print(f"{DOCUMENT.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
