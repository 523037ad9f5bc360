from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.resource_limits import ResourceLimits


T = TypeVar("T", bound="Context")


@_attrs_define
class Context:
    """What one session may ask for."""

    cores: ResourceLimits | Unset = UNSET
    """ The allowed and the default amounts of one resource. """
    memory_gb: ResourceLimits | Unset = UNSET
    """ The allowed and the default amounts of one resource. """
    gpus: ResourceLimits | Unset = UNSET
    """ The allowed and the default amounts of one resource. """
    max_interactive_sessions: float | None | str | Unset = UNSET
    """ How many interactive sessions a user may have at once. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        cores: dict[str, Any] | Unset = UNSET
        if not isinstance(self.cores, Unset):
            cores = self.cores.to_dict()

        memory_gb: dict[str, Any] | Unset = UNSET
        if not isinstance(self.memory_gb, Unset):
            memory_gb = self.memory_gb.to_dict()

        gpus: dict[str, Any] | Unset = UNSET
        if not isinstance(self.gpus, Unset):
            gpus = self.gpus.to_dict()

        max_interactive_sessions: float | None | str | Unset
        if isinstance(self.max_interactive_sessions, Unset):
            max_interactive_sessions = UNSET
        else:
            max_interactive_sessions = self.max_interactive_sessions

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if cores is not UNSET:
            field_dict["cores"] = cores
        if memory_gb is not UNSET:
            field_dict["memoryGB"] = memory_gb
        if gpus is not UNSET:
            field_dict["gpus"] = gpus
        if max_interactive_sessions is not UNSET:
            field_dict["maxInteractiveSessions"] = max_interactive_sessions

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.resource_limits import ResourceLimits  # noqa: PLC0415

        d = dict(src_dict)
        _cores = d.pop("cores", UNSET)
        cores: ResourceLimits | Unset
        if isinstance(_cores, Unset):
            cores = UNSET
        else:
            cores = ResourceLimits.from_dict(_cores)

        _memory_gb = d.pop("memoryGB", UNSET)
        memory_gb: ResourceLimits | Unset
        if isinstance(_memory_gb, Unset):
            memory_gb = UNSET
        else:
            memory_gb = ResourceLimits.from_dict(_memory_gb)

        _gpus = d.pop("gpus", UNSET)
        gpus: ResourceLimits | Unset
        if isinstance(_gpus, Unset):
            gpus = UNSET
        else:
            gpus = ResourceLimits.from_dict(_gpus)

        def _parse_max_interactive_sessions(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | str | Unset, data)

        max_interactive_sessions = _parse_max_interactive_sessions(
            d.pop("maxInteractiveSessions", UNSET)
        )

        context = cls(
            cores=cores,
            memory_gb=memory_gb,
            gpus=gpus,
            max_interactive_sessions=max_interactive_sessions,
        )

        context.additional_properties = d
        return context

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
