from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewDesktopApp")


@_attrs_define
class NewDesktopApp:
    """The fields of a new app on a desktop."""

    image: str
    """ Full reference of the image, `host/project/name:tag`. """
    cores: float | Unset = UNSET
    """ CPU cores, one of the options in the context. """
    ram: float | Unset = UNSET
    """ Memory in GiB, one of the options in the context. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        image = self.image

        cores = self.cores

        ram = self.ram

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "image": image,
            }
        )
        if cores is not UNSET:
            field_dict["cores"] = cores
        if ram is not UNSET:
            field_dict["ram"] = ram

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        image = d.pop("image")

        cores = d.pop("cores", UNSET)

        ram = d.pop("ram", UNSET)

        new_desktop_app = cls(
            image=image,
            cores=cores,
            ram=ram,
        )

        new_desktop_app.additional_properties = d
        return new_desktop_app

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
