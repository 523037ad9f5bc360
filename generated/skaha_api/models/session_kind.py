from enum import StrEnum


class SessionKind(StrEnum):
    CARTA = "carta"
    CONTRIBUTED = "contributed"
    DESKTOP = "desktop"
    DESKTOP_APP = "desktop-app"
    FIREFLY = "firefly"
    HEADLESS = "headless"
    NOTEBOOK = "notebook"

    def __str__(self) -> str:
        return str(self.value)
