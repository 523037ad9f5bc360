from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.session_kind import SessionKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewSession")


@_attrs_define
class NewSession:
    """The fields of a launch."""

    name: str
    """ At most 63 letters, digits and dashes, with no dash at the beginning and the end. The platform stores them
    in lower case. Several sessions can have the same name. """
    image: str
    """ Full reference of the image, `host/project/name:tag`. """
    type_: SessionKind | str | Unset = UNSET
    """ Kind of the session; the default is headless. """
    cores: float | Unset = UNSET
    """ CPU cores, one of the options in the context; newer platforms compare only the whole part. By default the
    platform decides. """
    ram: float | Unset = UNSET
    """ Memory in GiB, one of the options in the context; newer platforms compare only the whole part. By default
    the platform decides. """
    gpus: int | Unset = UNSET
    """ GPUs, one of the options in the context. The default is none. A site without GPUs ignores them. """
    cmd: str | Unset = UNSET
    """ The program to run, one word. Only for headless sessions. """
    args: str | Unset = UNSET
    """ The arguments of the program. The platform splits them at single blanks and does not interpret quotes. Only
    for headless sessions. """
    env: list[str] | Unset = UNSET
    """ Environment variables as `KEY=VALUE`. The platform drops a variable whose value is empty or contains `=`.
    Only for headless sessions. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        image = self.image

        type_: str | Unset
        if isinstance(self.type_, Unset):
            type_ = UNSET
        elif isinstance(self.type_, SessionKind):
            type_ = self.type_.value
        else:
            type_ = self.type_

        cores = self.cores

        ram = self.ram

        gpus = self.gpus

        cmd = self.cmd

        args = self.args

        env: list[str] | Unset = UNSET
        if not isinstance(self.env, Unset):
            env = self.env

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "image": image,
            }
        )
        if type_ is not UNSET:
            field_dict["type"] = type_
        if cores is not UNSET:
            field_dict["cores"] = cores
        if ram is not UNSET:
            field_dict["ram"] = ram
        if gpus is not UNSET:
            field_dict["gpus"] = gpus
        if cmd is not UNSET:
            field_dict["cmd"] = cmd
        if args is not UNSET:
            field_dict["args"] = args
        if env is not UNSET:
            field_dict["env"] = env

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        image = d.pop("image")

        def _parse_type_(data: object) -> SessionKind | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                type_type_0 = SessionKind(data)

                return type_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("SessionKind | str | Unset", data)

        type_ = _parse_type_(d.pop("type", UNSET))

        cores = d.pop("cores", UNSET)

        ram = d.pop("ram", UNSET)

        gpus = d.pop("gpus", UNSET)

        cmd = d.pop("cmd", UNSET)

        args = d.pop("args", UNSET)

        env = cast("list[str]", d.pop("env", UNSET))

        new_session = cls(
            name=name,
            image=image,
            type_=type_,
            cores=cores,
            ram=ram,
            gpus=gpus,
            cmd=cmd,
            args=args,
            env=env,
        )

        new_session.additional_properties = d
        return new_session

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
