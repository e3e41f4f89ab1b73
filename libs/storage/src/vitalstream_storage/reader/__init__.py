"""Every question a page asks of the tables: named functions, bound parameters, a time limit."""

from vitalstream_storage.reader.attention import (
    Change,
    Department,
    Worsened,
    changes,
    departments,
    worsened,
)
from vitalstream_storage.reader.letters import (
    Content,
    Reason,
    Sample,
    dead_letter_content,
    dead_letter_reasons,
    dead_letter_samples,
)
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
from vitalstream_storage.reader.partitions import partition_headroom
from vitalstream_storage.reader.patients import (
    Admission,
    Found,
    Observation,
    admissions,
    find_patients,
    links,
    timeline,
)
from vitalstream_storage.reader.rows import snapshot
from vitalstream_storage.reader.silence import Silence, SilentPatient, silence
from vitalstream_storage.reader.stays import Stays, stays
from vitalstream_storage.reader.stream import Gap, Ledger, Position, gaps, ledger
from vitalstream_storage.reader.trends import Hours, Measure, hourly

__all__ = [
    "Admission",
    "Breakdown",
    "Change",
    "Content",
    "Department",
    "Found",
    "Gap",
    "Hours",
    "Kpis",
    "Ledger",
    "Measure",
    "Observation",
    "Position",
    "Reason",
    "RecentRecord",
    "Sample",
    "Silence",
    "SilentPatient",
    "Stays",
    "VitalAverages",
    "Worsened",
    "admissions",
    "breakdown",
    "changes",
    "dead_letter_content",
    "dead_letter_reasons",
    "dead_letter_samples",
    "departments",
    "find_patients",
    "gaps",
    "hourly",
    "kpis",
    "ledger",
    "links",
    "partition_headroom",
    "recent_records",
    "silence",
    "snapshot",
    "stays",
    "timeline",
    "vital_averages",
    "worsened",
]
