from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="MaxRam")


@_attrs_define
class MaxRam:
    """The largest memory for one session."""

    ram: float | None | str | Unset = UNSET
    """ Memory. """
    with_cpu_cores: float | None | str | Unset = UNSET
    """ The CPU cores of a session with this memory. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ram: float | None | str | Unset
        if isinstance(self.ram, Unset):
            ram = UNSET
        else:
            ram = self.ram

        with_cpu_cores: float | None | str | Unset
        if isinstance(self.with_cpu_cores, Unset):
            with_cpu_cores = UNSET
        else:
            with_cpu_cores = self.with_cpu_cores

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if ram is not UNSET:
            field_dict["ram"] = ram
        if with_cpu_cores is not UNSET:
            field_dict["withCPUCores"] = with_cpu_cores

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_ram(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        ram = _parse_ram(d.pop("ram", UNSET))

        def _parse_with_cpu_cores(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        with_cpu_cores = _parse_with_cpu_cores(d.pop("withCPUCores", UNSET))

        max_ram = cls(
            ram=ram,
            with_cpu_cores=with_cpu_cores,
        )

        max_ram.additional_properties = d
        return max_ram

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
