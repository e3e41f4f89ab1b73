"""Every question a page asks of the tables: named functions, bound parameters, a time limit."""

from vitalstream_storage.reader.overview import (
    Breakdown,
    Kpis,
    RecentRecord,
    VitalAverages,
    breakdown,
    kpis,
    recent_records,
    vital_averages,
)
from vitalstream_storage.reader.rows import snapshot
from vitalstream_storage.reader.silence import Silence, SilentPatient, silence
from vitalstream_storage.reader.stays import Stays, stays
from vitalstream_storage.reader.stream import Gap, Ledger, Position, gaps, ledger

__all__ = [
    "Breakdown",
    "Gap",
    "Kpis",
    "Ledger",
    "Position",
    "RecentRecord",
    "Silence",
    "SilentPatient",
    "Stays",
    "VitalAverages",
    "breakdown",
    "gaps",
    "kpis",
    "ledger",
    "recent_records",
    "silence",
    "snapshot",
    "stays",
    "vital_averages",
]
