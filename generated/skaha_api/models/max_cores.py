from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="MaxCores")


@_attrs_define
class MaxCores:
    """The largest number of cores for one session."""

    cpu_cores: float | None | str | Unset = UNSET
    """ CPU cores. """
    with_ram: float | None | str | Unset = UNSET
    """ The memory of a session with these cores. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        cpu_cores: float | None | str | Unset
        if isinstance(self.cpu_cores, Unset):
            cpu_cores = UNSET
        else:
            cpu_cores = self.cpu_cores

        with_ram: float | None | str | Unset
        if isinstance(self.with_ram, Unset):
            with_ram = UNSET
        else:
            with_ram = self.with_ram

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if cpu_cores is not UNSET:
            field_dict["cpuCores"] = cpu_cores
        if with_ram is not UNSET:
            field_dict["withRam"] = with_ram

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_cpu_cores(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        cpu_cores = _parse_cpu_cores(d.pop("cpuCores", UNSET))

        def _parse_with_ram(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        with_ram = _parse_with_ram(d.pop("withRam", UNSET))

        max_cores = cls(
            cpu_cores=cpu_cores,
            with_ram=with_ram,
        )

        max_cores.additional_properties = d
        return max_cores

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
