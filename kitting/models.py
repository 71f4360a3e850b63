"""Index of the tables."""

from kitting.around.models import (
    Acceptance,
    Answer,
    Aside,
    Invitation,
    LessonRead,
    Macro,
    OldPc,
    Preparation,
)
from kitting.counter.models import Scan
from kitting.devices.models import BoxCode, Device, DeviceEvent, DeviceEventNote, Loan
from kitting.directory.models import DirectoryDevice, DirectoryLook, RemoteChange
from kitting.escalation.models import (
    Duty,
    LossReport,
    LossStep,
    Offer,
    Outage,
    Plea,
    Policy,
    PolicyLevel,
    StepPace,
    Ticket,
    TicketEntry,
    TicketPhoto,
)
from kitting.guides.models import Edition, Guide, Lesson, Step, StepNote, Trouble
from kitting.handoff.models import Handoff
from kitting.helpdesk.models import Look, Officer, SavedReply
from kitting.imports.models import ColumnChoice, Import, ImportFile
from kitting.jobs.models import Heartbeat, Incident, Job
from kitting.journeys.models import Event, EventNote, Journey, Press, StepRecord, Tally
from kitting.labels.models import AccountSlip, Calibration, LabelPaper
from kitting.notices.models import Notice, Outlet
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.site.models import Announcement, Flag, SiteProfile, Variable

__all__ = [
    "Acceptance",
    "AccountSlip",
    "Announcement",
    "Answer",
    "Aside",
    "BoxCode",
    "Calibration",
    "ColumnChoice",
    "Device",
    "DeviceEvent",
    "DeviceEventNote",
    "DirectoryDevice",
    "DirectoryLook",
    "Duty",
    "Edition",
    "Event",
    "EventNote",
    "Flag",
    "Guide",
    "Handoff",
    "Heartbeat",
    "Import",
    "ImportFile",
    "Incident",
    "Invitation",
    "Job",
    "Journey",
    "LabelPaper",
    "Lesson",
    "LessonRead",
    "Loan",
    "Look",
    "LossReport",
    "LossStep",
    "Macro",
    "Notice",
    "Offer",
    "Officer",
    "OldPc",
    "Outage",
    "Outlet",
    "Plea",
    "Policy",
    "PolicyLevel",
    "Preparation",
    "Press",
    "RemoteChange",
    "Rollout",
    "SavedReply",
    "Scan",
    "SiteProfile",
    "Step",
    "StepNote",
    "StepPace",
    "StepRecord",
    "Tally",
    "Ticket",
    "TicketEntry",
    "TicketPhoto",
    "Trouble",
    "Variable",
    "Wave",
    "WaveMark",
]
