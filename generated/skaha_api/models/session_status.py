from enum import StrEnum


class SessionStatus(StrEnum):
    COMPLETED = "Completed"
    ERROR = "Error"
    FAILED = "Failed"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    TERMINATING = "Terminating"
    UNKNOWN = "Unknown"

    def __str__(self) -> str:
        return str(self.value)
