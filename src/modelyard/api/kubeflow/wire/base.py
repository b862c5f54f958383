"""What the wire's structs have in common, and the contract's base schemas.

Attributes are in snake case, on the wire they are in camel case. Structs that answers are made of list their fields in the wire's
alphabetical order, as the original sends them: msgspec writes a base's fields first, so those do not inherit any.
A field that is None is left out of an answer; `custom_properties` must be given, be it empty: the original always sends it.
"""

from typing import Generic, TypeVar

import msgspec

from modelyard.api.kubeflow.wire import fields as f

T = TypeVar("T")


class Wire(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A JSON object that may carry keys unknown to us."""


class StrictWire(Wire, forbid_unknown_fields=True):
    """A JSON object that may not."""


class Error(msgspec.Struct):
    """What went wrong. `code` is the HTTP status in words."""

    code: str
    message: str


class BaseResourceDates(Wire):
    """The times that the server keeps of every resource."""

    create_time_since_epoch: f.CreateTime = None
    last_update_time_since_epoch: f.LastUpdateTime = None


class BaseResource(Wire):
    """What every resource shows."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None


class BaseResourceUpdate(Wire):
    """What can be changed of every resource."""

    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None


class BaseResourceCreate(BaseResourceUpdate):
    """What can be given when any resource is made."""

    name: f.Name = None


class BaseArtifact(Wire):
    """What every artifact shows."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None


class BaseModel(StrictWire):
    """What describes a model."""

    custom_properties: f.CustomProperties = None
    description: f.Description = None
    language: f.Language = None
    library_name: f.LibraryName = None
    license: f.License = None
    license_link: f.LicenseLink = None
    logo: f.Logo = None
    maturity: f.Maturity = None
    provider: f.Provider = None
    readme: f.Readme = None
    tasks: f.Tasks = None


class BaseResourceList(Wire, kw_only=True):
    """What every list tells beside its items."""

    next_page_token: f.NextPageToken
    page_size: f.PageSize
    size: f.Size


class ListOf(Wire, Generic[T], kw_only=True):
    """One page of a list."""

    items: list[T]
    next_page_token: f.NextPageToken
    page_size: f.PageSize
    size: f.Size
