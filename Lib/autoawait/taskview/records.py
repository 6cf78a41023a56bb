"""What is known of a task, of whatever library."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class TaskRecord:
    """A task that has not ended, as it was when asked for."""

    key: object             # the task
    name: str
    state: str              # running, ready, waiting, cancelling
    waits_for: str          # in a few words
    since: "float | None"   # time.monotonic() when it began to wait, if known
    place: str              # file:line of where it stands
    function: str           # that it runs
    computed: "float | None"    # seconds, since it is measured
    awaits: list = field(default_factory=list)  # (key of a task, how it is awaited)
