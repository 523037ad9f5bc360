"""Validation of arguments, before anything is sent.

The platform silently drops or changes some input, and answers other input with a Java exception. So
this module refuses everything that the platform cannot carry, and says what to do instead.
"""

from skaha._sansio.validation.commands import check_command
from skaha._sansio.validation.functions import check_function
from skaha._sansio.validation.ids import (
    check_id,
    check_ids,
    check_launched_ids,
    check_not_names,
    is_id,
    possible_names,
)
from skaha._sansio.validation.jobs import (
    NAME,
    check_image,
    check_job,
    check_job_name,
    check_run_options,
    replica_names,
)
from skaha._sansio.validation.numbers import (
    check_amount,
    check_count,
    check_gpus,
    check_optional_count,
    check_optional_seconds,
    check_polls,
    check_ram,
    check_seconds,
    number_of,
)
from skaha._sansio.validation.secrets import (
    WrongType,
    check_texts,
    checked_token,
    hidden,
    hidden_jobs,
    hidden_url,
)
from skaha._sansio.validation.settings import (
    check_path,
    check_registry,
    check_registry_part,
    check_server,
    check_server_and_version,
    check_table,
    check_timeout,
    check_token,
    check_version,
)
from skaha._sansio.validation.words import (
    check_kinds,
    check_launch_kind,
    check_one_kind,
    check_statuses,
    check_until,
    check_verbose,
    check_view,
)

__all__ = [
    "NAME",
    "WrongType",
    "check_amount",
    "check_command",
    "check_count",
    "check_function",
    "check_gpus",
    "check_id",
    "check_ids",
    "check_image",
    "check_job",
    "check_job_name",
    "check_kinds",
    "check_launch_kind",
    "check_launched_ids",
    "check_not_names",
    "check_one_kind",
    "check_optional_count",
    "check_optional_seconds",
    "check_path",
    "check_polls",
    "check_ram",
    "check_registry",
    "check_registry_part",
    "check_run_options",
    "check_seconds",
    "check_server",
    "check_server_and_version",
    "check_statuses",
    "check_table",
    "check_texts",
    "check_timeout",
    "check_token",
    "check_until",
    "check_verbose",
    "check_version",
    "check_view",
    "checked_token",
    "hidden",
    "hidden_jobs",
    "hidden_url",
    "is_id",
    "number_of",
    "possible_names",
    "replica_names",
]
