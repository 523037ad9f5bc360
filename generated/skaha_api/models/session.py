from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.session_kind import SessionKind
from ..models.session_status import SessionStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="Session")


@_attrs_define
class Session:
    """One session, or one app on a desktop. Newer platforms omit unknown values; older platforms send `<none>` in their
    place. The members have the order in which the platform sends them.

    """

    id: str | Unset = UNSET
    """ The id of the session; for an app, the id of its desktop. """
    userid: str | Unset = UNSET
    """ Name of the owner. """
    run_as_uid: str | Unset = UNSET
    """ User id in the container, a number. """
    run_as_gid: str | Unset = UNSET
    """ Group id in the container, a number. """
    supplemental_groups: list[int] | None | Unset = UNSET
    """ Additional group ids in the container. """
    appid: str | Unset = UNSET
    """ The own id of an app. """
    image: str | Unset = UNSET
    """ Full reference of the image. """
    type_: SessionKind | str | Unset = UNSET
    """ Kind of the session. """
    status: SessionStatus | str | Unset = UNSET
    """ Status of the session. """
    name: str | Unset = UNSET
    """ The name from the launch, in lower case. """
    start_time: str | Unset = UNSET
    """ Start, ISO 8601 in UTC. Zero seconds are omitted. """
    expiry_time: str | Unset = UNSET
    """ Time at which the platform stops the session, ISO 8601 in UTC. """
    connect_url: str | Unset = UNSET
    """ Address of an interactive session; it works while the session runs. Other sessions have an empty text, or
    `not-applicable` on older platforms. """
    requested_ram: float | None | str | Unset = UNSET
    """ Requested memory, as `8G` (GiB) on older platforms and `8.59` (10^9 bytes) on newer ones. """
    requested_cpu_cores: float | None | str | Unset = UNSET
    """ Requested CPU cores. """
    requested_gpu_cores: float | None | str | Unset = UNSET
    """ Requested GPUs. """
    ram_in_use: float | None | str | Unset = UNSET
    """ Memory in use, in 10^9 bytes. """
    gpu_ram_in_use: float | None | str | Unset = UNSET
    """ GPU memory in use, such as `1234M / 16160M`; older platforms only. """
    cpu_cores_in_use: float | None | str | Unset = UNSET
    """ CPU cores in use. More than 2.1 can be a text such as `2500000000n`, 10^-9 cores. """
    gpu_utilization: float | None | str | Unset = UNSET
    """ Utilization of the GPUs, such as `35%`; older platforms only. """
    is_fixed_resources: bool | Unset = UNSET
    """ Whether the session owns its requested resources, or shares the free resources. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        userid = self.userid

        run_as_uid = self.run_as_uid

        run_as_gid = self.run_as_gid

        supplemental_groups: list[int] | None | Unset
        if isinstance(self.supplemental_groups, Unset):
            supplemental_groups = UNSET
        elif isinstance(self.supplemental_groups, list):
            supplemental_groups = self.supplemental_groups

        else:
            supplemental_groups = self.supplemental_groups

        appid = self.appid

        image = self.image

        type_: str | Unset
        if isinstance(self.type_, Unset):
            type_ = UNSET
        elif isinstance(self.type_, SessionKind):
            type_ = self.type_.value
        else:
            type_ = self.type_

        status: str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, SessionStatus):
            status = self.status.value
        else:
            status = self.status

        name = self.name

        start_time = self.start_time

        expiry_time = self.expiry_time

        connect_url = self.connect_url

        requested_ram: float | None | str | Unset
        if isinstance(self.requested_ram, Unset):
            requested_ram = UNSET
        else:
            requested_ram = self.requested_ram

        requested_cpu_cores: float | None | str | Unset
        if isinstance(self.requested_cpu_cores, Unset):
            requested_cpu_cores = UNSET
        else:
            requested_cpu_cores = self.requested_cpu_cores

        requested_gpu_cores: float | None | str | Unset
        if isinstance(self.requested_gpu_cores, Unset):
            requested_gpu_cores = UNSET
        else:
            requested_gpu_cores = self.requested_gpu_cores

        ram_in_use: float | None | str | Unset
        if isinstance(self.ram_in_use, Unset):
            ram_in_use = UNSET
        else:
            ram_in_use = self.ram_in_use

        gpu_ram_in_use: float | None | str | Unset
        if isinstance(self.gpu_ram_in_use, Unset):
            gpu_ram_in_use = UNSET
        else:
            gpu_ram_in_use = self.gpu_ram_in_use

        cpu_cores_in_use: float | None | str | Unset
        if isinstance(self.cpu_cores_in_use, Unset):
            cpu_cores_in_use = UNSET
        else:
            cpu_cores_in_use = self.cpu_cores_in_use

        gpu_utilization: float | None | str | Unset
        if isinstance(self.gpu_utilization, Unset):
            gpu_utilization = UNSET
        else:
            gpu_utilization = self.gpu_utilization

        is_fixed_resources = self.is_fixed_resources

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if id is not UNSET:
            field_dict["id"] = id
        if userid is not UNSET:
            field_dict["userid"] = userid
        if run_as_uid is not UNSET:
            field_dict["runAsUID"] = run_as_uid
        if run_as_gid is not UNSET:
            field_dict["runAsGID"] = run_as_gid
        if supplemental_groups is not UNSET:
            field_dict["supplementalGroups"] = supplemental_groups
        if appid is not UNSET:
            field_dict["appid"] = appid
        if image is not UNSET:
            field_dict["image"] = image
        if type_ is not UNSET:
            field_dict["type"] = type_
        if status is not UNSET:
            field_dict["status"] = status
        if name is not UNSET:
            field_dict["name"] = name
        if start_time is not UNSET:
            field_dict["startTime"] = start_time
        if expiry_time is not UNSET:
            field_dict["expiryTime"] = expiry_time
        if connect_url is not UNSET:
            field_dict["connectURL"] = connect_url
        if requested_ram is not UNSET:
            field_dict["requestedRAM"] = requested_ram
        if requested_cpu_cores is not UNSET:
            field_dict["requestedCPUCores"] = requested_cpu_cores
        if requested_gpu_cores is not UNSET:
            field_dict["requestedGPUCores"] = requested_gpu_cores
        if ram_in_use is not UNSET:
            field_dict["ramInUse"] = ram_in_use
        if gpu_ram_in_use is not UNSET:
            field_dict["gpuRAMInUse"] = gpu_ram_in_use
        if cpu_cores_in_use is not UNSET:
            field_dict["cpuCoresInUse"] = cpu_cores_in_use
        if gpu_utilization is not UNSET:
            field_dict["gpuUtilization"] = gpu_utilization
        if is_fixed_resources is not UNSET:
            field_dict["isFixedResources"] = is_fixed_resources

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id", UNSET)

        userid = d.pop("userid", UNSET)

        run_as_uid = d.pop("runAsUID", UNSET)

        run_as_gid = d.pop("runAsGID", UNSET)

        def _parse_supplemental_groups(data: object) -> list[int] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                supplemental_groups_type_0 = cast("list[int]", data)

                return supplemental_groups_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("list[int] | None | Unset", data)

        supplemental_groups = _parse_supplemental_groups(d.pop("supplementalGroups", UNSET))

        appid = d.pop("appid", UNSET)

        image = d.pop("image", UNSET)

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

        def _parse_status(data: object) -> SessionStatus | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                status_type_0 = SessionStatus(data)

                return status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast("SessionStatus | str | Unset", data)

        status = _parse_status(d.pop("status", UNSET))

        name = d.pop("name", UNSET)

        start_time = d.pop("startTime", UNSET)

        expiry_time = d.pop("expiryTime", UNSET)

        connect_url = d.pop("connectURL", UNSET)

        def _parse_requested_ram(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        requested_ram = _parse_requested_ram(d.pop("requestedRAM", UNSET))

        def _parse_requested_cpu_cores(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        requested_cpu_cores = _parse_requested_cpu_cores(d.pop("requestedCPUCores", UNSET))

        def _parse_requested_gpu_cores(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        requested_gpu_cores = _parse_requested_gpu_cores(d.pop("requestedGPUCores", UNSET))

        def _parse_ram_in_use(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        ram_in_use = _parse_ram_in_use(d.pop("ramInUse", UNSET))

        def _parse_gpu_ram_in_use(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        gpu_ram_in_use = _parse_gpu_ram_in_use(d.pop("gpuRAMInUse", UNSET))

        def _parse_cpu_cores_in_use(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        cpu_cores_in_use = _parse_cpu_cores_in_use(d.pop("cpuCoresInUse", UNSET))

        def _parse_gpu_utilization(data: object) -> float | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast("float | None | str | Unset", data)

        gpu_utilization = _parse_gpu_utilization(d.pop("gpuUtilization", UNSET))

        is_fixed_resources = d.pop("isFixedResources", UNSET)

        session = cls(
            id=id,
            userid=userid,
            run_as_uid=run_as_uid,
            run_as_gid=run_as_gid,
            supplemental_groups=supplemental_groups,
            appid=appid,
            image=image,
            type_=type_,
            status=status,
            name=name,
            start_time=start_time,
            expiry_time=expiry_time,
            connect_url=connect_url,
            requested_ram=requested_ram,
            requested_cpu_cores=requested_cpu_cores,
            requested_gpu_cores=requested_gpu_cores,
            ram_in_use=ram_in_use,
            gpu_ram_in_use=gpu_ram_in_use,
            cpu_cores_in_use=cpu_cores_in_use,
            gpu_utilization=gpu_utilization,
            is_fixed_resources=is_fixed_resources,
        )

        session.additional_properties = d
        return session

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
