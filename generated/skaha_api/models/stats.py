from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.core_stats import CoreStats
    from ..models.instance_stats import InstanceStats
    from ..models.ram_stats import RamStats


T = TypeVar("T", bound="Stats")


@_attrs_define
class Stats:
    """Use and capacity of the whole platform."""

    instances: InstanceStats | Unset = UNSET
    """ Running sessions of all users; older platforms only. """
    cores: CoreStats | Unset = UNSET
    """ CPU cores, of all users together. """
    ram: RamStats | Unset = UNSET
    """ Memory, of all users together. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instances: dict[str, Any] | Unset = UNSET
        if not isinstance(self.instances, Unset):
            instances = self.instances.to_dict()

        cores: dict[str, Any] | Unset = UNSET
        if not isinstance(self.cores, Unset):
            cores = self.cores.to_dict()

        ram: dict[str, Any] | Unset = UNSET
        if not isinstance(self.ram, Unset):
            ram = self.ram.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if instances is not UNSET:
            field_dict["instances"] = instances
        if cores is not UNSET:
            field_dict["cores"] = cores
        if ram is not UNSET:
            field_dict["ram"] = ram

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.core_stats import CoreStats  # noqa: PLC0415
        from ..models.instance_stats import InstanceStats  # noqa: PLC0415
        from ..models.ram_stats import RamStats  # noqa: PLC0415

        d = dict(src_dict)
        _instances = d.pop("instances", UNSET)
        instances: InstanceStats | Unset
        if isinstance(_instances, Unset):
            instances = UNSET
        else:
            instances = InstanceStats.from_dict(_instances)

        _cores = d.pop("cores", UNSET)
        cores: CoreStats | Unset
        if isinstance(_cores, Unset):
            cores = UNSET
        else:
            cores = CoreStats.from_dict(_cores)

        _ram = d.pop("ram", UNSET)
        ram: RamStats | Unset
        if isinstance(_ram, Unset):
            ram = UNSET
        else:
            ram = RamStats.from_dict(_ram)

        stats = cls(
            instances=instances,
            cores=cores,
            ram=ram,
        )

        stats.additional_properties = d
        return stats

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
