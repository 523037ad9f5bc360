from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="InstanceStats")


@_attrs_define
class InstanceStats:
    """Running sessions of all users; older platforms only."""

    session: int | Unset = UNSET
    """ Interactive sessions. """
    desktop_app: int | Unset = UNSET
    """ Apps on desktops. """
    headless: int | Unset = UNSET
    """ Headless sessions. """
    total: int | Unset = UNSET
    """ All running sessions. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        session = self.session

        desktop_app = self.desktop_app

        headless = self.headless

        total = self.total

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if session is not UNSET:
            field_dict["session"] = session
        if desktop_app is not UNSET:
            field_dict["desktopApp"] = desktop_app
        if headless is not UNSET:
            field_dict["headless"] = headless
        if total is not UNSET:
            field_dict["total"] = total

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        session = d.pop("session", UNSET)

        desktop_app = d.pop("desktopApp", UNSET)

        headless = d.pop("headless", UNSET)

        total = d.pop("total", UNSET)

        instance_stats = cls(
            session=session,
            desktop_app=desktop_app,
            headless=headless,
            total=total,
        )

        instance_stats.additional_properties = d
        return instance_stats

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
