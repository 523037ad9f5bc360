from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

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

    instances: InstanceStats | None | Unset = UNSET
    """ Running sessions of all users; older platforms only. """
    cores: CoreStats | None | Unset = UNSET
    """ CPU cores of all users together. """
    ram: None | RamStats | Unset = UNSET
    """ Memory of all users together. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.core_stats import CoreStats  # noqa: PLC0415
        from ..models.instance_stats import InstanceStats  # noqa: PLC0415
        from ..models.ram_stats import RamStats  # noqa: PLC0415

        instances: dict[str, Any] | None | Unset
        if isinstance(self.instances, Unset):
            instances = UNSET
        elif isinstance(self.instances, InstanceStats):
            instances = self.instances.to_dict()
        else:
            instances = self.instances

        cores: dict[str, Any] | None | Unset
        if isinstance(self.cores, Unset):
            cores = UNSET
        elif isinstance(self.cores, CoreStats):
            cores = self.cores.to_dict()
        else:
            cores = self.cores

        ram: dict[str, Any] | None | Unset
        if isinstance(self.ram, Unset):
            ram = UNSET
        elif isinstance(self.ram, RamStats):
            ram = self.ram.to_dict()
        else:
            ram = self.ram

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

        def _parse_instances(data: object) -> InstanceStats | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                instances_type_0 = InstanceStats.from_dict(data)

                return instances_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("InstanceStats | None | Unset", data)

        instances = _parse_instances(d.pop("instances", UNSET))

        def _parse_cores(data: object) -> CoreStats | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                cores_type_0 = CoreStats.from_dict(data)

                return cores_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("CoreStats | None | Unset", data)

        cores = _parse_cores(d.pop("cores", UNSET))

        def _parse_ram(data: object) -> None | RamStats | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                ram_type_0 = RamStats.from_dict(data)

                return ram_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("None | RamStats | Unset", data)

        ram = _parse_ram(d.pop("ram", UNSET))

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
