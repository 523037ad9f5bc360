from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.max_cores import MaxCores


T = TypeVar("T", bound="CoreStats")


@_attrs_define
class CoreStats:
    """CPU cores of all users together."""

    requested_cpu_cores: float | None | str | Unset = UNSET
    """ Requested cores. The value 0.0 can mean that the metrics are in millicores. """
    cpu_cores_available: float | None | str | Unset = UNSET
    """ All cores, free or in use. The value 0.0 means that the metrics are in millicores. """
    max_cpu_cores: MaxCores | None | Unset = UNSET
    """ The largest number of cores for one session. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.max_cores import MaxCores  # noqa: PLC0415

        requested_cpu_cores: float | None | str | Unset
        if isinstance(self.requested_cpu_cores, Unset):
            requested_cpu_cores = UNSET
        else:
            requested_cpu_cores = self.requested_cpu_cores

        cpu_cores_available: float | None | str | Unset
        if isinstance(self.cpu_cores_available, Unset):
            cpu_cores_available = UNSET
        else:
            cpu_cores_available = self.cpu_cores_available

        max_cpu_cores: dict[str, Any] | None | Unset
        if isinstance(self.max_cpu_cores, Unset):
            max_cpu_cores = UNSET
        elif isinstance(self.max_cpu_cores, MaxCores):
            max_cpu_cores = self.max_cpu_cores.to_dict()
        else:
            max_cpu_cores = self.max_cpu_cores

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if requested_cpu_cores is not UNSET:
            field_dict["requestedCPUCores"] = requested_cpu_cores
        if cpu_cores_available is not UNSET:
            field_dict["cpuCoresAvailable"] = cpu_cores_available
        if max_cpu_cores is not UNSET:
            field_dict["maxCPUCores"] = max_cpu_cores

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.max_cores import MaxCores  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_requested_cpu_cores(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        requested_cpu_cores = _parse_requested_cpu_cores(d.pop("requestedCPUCores", UNSET))

        def _parse_cpu_cores_available(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        cpu_cores_available = _parse_cpu_cores_available(d.pop("cpuCoresAvailable", UNSET))

        def _parse_max_cpu_cores(data: object) -> MaxCores | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                max_cpu_cores_type_0 = MaxCores.from_dict(data)

                return max_cpu_cores_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("MaxCores | None | Unset", data)

        max_cpu_cores = _parse_max_cpu_cores(d.pop("maxCPUCores", UNSET))

        core_stats = cls(
            requested_cpu_cores=requested_cpu_cores,
            cpu_cores_available=cpu_cores_available,
            max_cpu_cores=max_cpu_cores,
        )

        core_stats.additional_properties = d
        return core_stats

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
