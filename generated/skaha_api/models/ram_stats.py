from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.max_ram import MaxRam


T = TypeVar("T", bound="RamStats")


@_attrs_define
class RamStats:
    """Memory of all users together."""

    requested_ram: float | None | str | Unset = UNSET
    """ Requested memory. """
    ram_available: float | None | str | Unset = UNSET
    """ All memory, free or in use. """
    max_ram: MaxRam | None | Unset = UNSET
    """ The largest memory for one session. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.max_ram import MaxRam  # noqa: PLC0415

        requested_ram: float | None | str | Unset
        if isinstance(self.requested_ram, Unset):
            requested_ram = UNSET
        else:
            requested_ram = self.requested_ram

        ram_available: float | None | str | Unset
        if isinstance(self.ram_available, Unset):
            ram_available = UNSET
        else:
            ram_available = self.ram_available

        max_ram: dict[str, Any] | None | Unset
        if isinstance(self.max_ram, Unset):
            max_ram = UNSET
        elif isinstance(self.max_ram, MaxRam):
            max_ram = self.max_ram.to_dict()
        else:
            max_ram = self.max_ram

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if requested_ram is not UNSET:
            field_dict["requestedRAM"] = requested_ram
        if ram_available is not UNSET:
            field_dict["ramAvailable"] = ram_available
        if max_ram is not UNSET:
            field_dict["maxRAM"] = max_ram

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.max_ram import MaxRam  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_requested_ram(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        requested_ram = _parse_requested_ram(d.pop("requestedRAM", UNSET))

        def _parse_ram_available(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        ram_available = _parse_ram_available(d.pop("ramAvailable", UNSET))

        def _parse_max_ram(data: object) -> MaxRam | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                max_ram_type_0 = MaxRam.from_dict(data)

                return max_ram_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("MaxRam | None | Unset", data)

        max_ram = _parse_max_ram(d.pop("maxRAM", UNSET))

        ram_stats = cls(
            requested_ram=requested_ram,
            ram_available=ram_available,
            max_ram=max_ram,
        )

        ram_stats.additional_properties = d
        return ram_stats

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
