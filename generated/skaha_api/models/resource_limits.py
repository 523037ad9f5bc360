from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ResourceLimits")


@_attrs_define
class ResourceLimits:
    """The allowed and the default amounts of one resource."""

    default: float | Unset = UNSET
    """ The amount for a session without a request. """
    default_limit: float | Unset = UNSET
    """ The largest use of a session without a request. """
    options: list[float] | None | Unset = UNSET
    """ The amounts that can be requested. """
    default_request: float | Unset = UNSET
    """ The guaranteed amount for a session without a request. """
    default_headless: float | Unset = UNSET
    """ The amount for a headless session without a request; older platforms only. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        default = self.default

        default_limit = self.default_limit

        options: list[float] | None | Unset
        if isinstance(self.options, Unset):
            options = UNSET
        elif isinstance(self.options, list):
            options = self.options

        else:
            options = self.options

        default_request = self.default_request

        default_headless = self.default_headless

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if default is not UNSET:
            field_dict["default"] = default
        if default_limit is not UNSET:
            field_dict["defaultLimit"] = default_limit
        if options is not UNSET:
            field_dict["options"] = options
        if default_request is not UNSET:
            field_dict["defaultRequest"] = default_request
        if default_headless is not UNSET:
            field_dict["defaultHeadless"] = default_headless

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        default = d.pop("default", UNSET)

        default_limit = d.pop("defaultLimit", UNSET)

        def _parse_options(data: object) -> list[float] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                options_type_0 = cast("list[float]", data)

                return options_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("list[float] | None | Unset", data)

        options = _parse_options(d.pop("options", UNSET))

        default_request = d.pop("defaultRequest", UNSET)

        default_headless = d.pop("defaultHeadless", UNSET)

        resource_limits = cls(
            default=default,
            default_limit=default_limit,
            options=options,
            default_request=default_request,
            default_headless=default_headless,
        )

        resource_limits.additional_properties = d
        return resource_limits

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
