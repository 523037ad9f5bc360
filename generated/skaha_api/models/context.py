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
    """The resources that one session can request."""

    cores: None | ResourceLimits | Unset = UNSET
    """ The amounts of CPU cores. """
    gpus: None | ResourceLimits | Unset = UNSET
    """ The numbers of GPUs. """
    memory_gb: None | ResourceLimits | Unset = UNSET
    """ The amounts of memory in GiB. """
    max_interactive_sessions: float | None | str | Unset = UNSET
    """ Largest number of interactive sessions of one user at once. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.resource_limits import ResourceLimits  # noqa: PLC0415

        cores: dict[str, Any] | None | Unset
        if isinstance(self.cores, Unset):
            cores = UNSET
        elif isinstance(self.cores, ResourceLimits):
            cores = self.cores.to_dict()
        else:
            cores = self.cores

        gpus: dict[str, Any] | None | Unset
        if isinstance(self.gpus, Unset):
            gpus = UNSET
        elif isinstance(self.gpus, ResourceLimits):
            gpus = self.gpus.to_dict()
        else:
            gpus = self.gpus

        memory_gb: dict[str, Any] | None | Unset
        if isinstance(self.memory_gb, Unset):
            memory_gb = UNSET
        elif isinstance(self.memory_gb, ResourceLimits):
            memory_gb = self.memory_gb.to_dict()
        else:
            memory_gb = self.memory_gb

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
        if gpus is not UNSET:
            field_dict["gpus"] = gpus
        if memory_gb is not UNSET:
            field_dict["memoryGB"] = memory_gb
        if max_interactive_sessions is not UNSET:
            field_dict["maxInteractiveSessions"] = max_interactive_sessions

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.resource_limits import ResourceLimits  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_cores(data: object) -> None | ResourceLimits | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                cores_type_0 = ResourceLimits.from_dict(data)

                return cores_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("None | ResourceLimits | Unset", data)

        cores = _parse_cores(d.pop("cores", UNSET))

        def _parse_gpus(data: object) -> None | ResourceLimits | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                gpus_type_0 = ResourceLimits.from_dict(data)

                return gpus_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("None | ResourceLimits | Unset", data)

        gpus = _parse_gpus(d.pop("gpus", UNSET))

        def _parse_memory_gb(data: object) -> None | ResourceLimits | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                memory_gb_type_0 = ResourceLimits.from_dict(data)

                return memory_gb_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("None | ResourceLimits | Unset", data)

        memory_gb = _parse_memory_gb(d.pop("memoryGB", UNSET))

        def _parse_max_interactive_sessions(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        max_interactive_sessions = _parse_max_interactive_sessions(
            d.pop("maxInteractiveSessions", UNSET)
        )

        context = cls(
            cores=cores,
            gpus=gpus,
            memory_gb=memory_gb,
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
