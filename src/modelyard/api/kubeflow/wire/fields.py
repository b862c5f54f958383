"""The fields of the wire, each described once. None is "not there": on the way in (absent or null) and on the way out (omitted)."""

from typing import Annotated, TypeAlias

from modelyard.api.kubeflow.wire.notes import note
from modelyard.api.kubeflow.wire.values import MetadataValue

Text: TypeAlias = str | None
TextList: TypeAlias = tuple[str, ...] | None

# Every resource
CustomProperties = Annotated[
    dict[str, MetadataValue] | None, note("Your own typed facts about it, by name. An update that has this replaces them all.")
]
Description = Annotated[Text, note("What people should know about it.")]
ExternalId = Annotated[Text, note("Its id in another system. No two resources may share one, and no two artifacts.")]
Id = Annotated[Text, note("The registry's id for it, in decimal digits.", format="int64")]
CreateTime = Annotated[Text, note("When it was made, in milliseconds since 1970.", format="int64", readOnly=True)]
LastUpdateTime = Annotated[Text, note("When it was last changed, in milliseconds since 1970.", format="int64", readOnly=True)]
Name = Annotated[Text, note("What it is called; cannot be changed. Made up by the server when not given.")]
RequiredName = Annotated[str, note("What it is called; cannot be changed.", minLength=1)]
NonEmptyName = Annotated[Text, note("What it is called; cannot be changed.", minLength=1)]

# Models and versions
Author = Annotated[Text, note("Who made this version.")]
Language = Annotated[TextList, note("The human languages the model handles, as ISO 639 codes.", example=["en", "de"])]
LibraryName = Annotated[Text, note("The library that made or runs the model.", example="scikit-learn")]
License = Annotated[Text, note("The licence's short name.", example="apache-2.0")]
LicenseLink = Annotated[Text, note("Where the licence's text is.", format="uri")]
Logo = Annotated[Text, note("A picture: its URL or a data URL.", format="uri")]
Maturity = Annotated[Text, note("How far it can be relied on, in your own words.", example="beta")]
Owner = Annotated[Text, note("Who answers for it.")]
Provider = Annotated[Text, note("The organisation it comes from.")]
Readme = Annotated[Text, note("The model's documentation, in Markdown.")]
Tasks = Annotated[TextList, note("What the model is for.", example=["tabular-classification"])]

# Parents
ExperimentId = Annotated[str, note("The experiment the run belongs to.", format="int64", minLength=1)]
RegisteredModelId = Annotated[str, note("The model it belongs to.", format="int64", minLength=1)]
ServingEnvironmentId = Annotated[str, note("The environment the service runs in.", format="int64", minLength=1)]
ServedModelVersionId = Annotated[str, note("The version that was served.", format="int64", minLength=1)]
ModelVersionId = Annotated[Text, note("The version to serve. The model's newest when not given.", format="int64")]
MadeByExperimentId = Annotated[Text, note("The experiment whose run produced it; set by the server.", format="int64")]
MadeByRunId = Annotated[Text, note("The run that produced it; set by the server.", format="int64")]

# Runs and services
EndTime = Annotated[Text, note("When the run ended, in milliseconds since 1970. Not before its start.", format="int64")]
StartTime = Annotated[Text, note("When the run began, in milliseconds since 1970.", format="int64")]
Runtime = Annotated[Text, note("What serves the model, in your own words.")]

# Artifacts
Uri = Annotated[Text, note("Where the thing itself is.")]
Digest = Annotated[Text, note("A hash or another mark of the data's content.")]
Profile = Annotated[Text, note("Statistics of the data.")]
Schema = Annotated[Text, note("What the data looks like: columns, types.")]
Source = Annotated[Text, note("Where the data comes from: a path, an address, a connection.")]
SourceType = Annotated[Text, note("The kind of source.", example="s3")]
MetricTimestamp = Annotated[Text, note("When it was measured, in milliseconds since 1970. Kept as sent.", format="int64")]
MetricValue = Annotated[float | None, note("The measurement. Every write of a metric but a PATCH needs it.", format="double")]
ParameterValue = Annotated[Text, note("The setting, as text.")]
ModelFormatName = Annotated[Text, note("The format of the model's files.", example="onnx")]
ModelFormatVersion = Annotated[Text, note("The version of that format.")]
ModelSourceClass = Annotated[Text, note("A finer division of the source kind.", example="pipelinerun")]
ModelSourceGroup = Annotated[Text, note("The place within the source's class, such as a namespace.")]
ModelSourceId = Annotated[Text, note("The source's id within kind, class and group.")]
ModelSourceKind = Annotated[Text, note("What kind of system the model came from.", example="kfp")]
ModelSourceName = Annotated[Text, note("The source's name for people.")]
ServiceAccountName = Annotated[Text, note("The service account that may read the storage.")]
StorageKey = Annotated[Text, note("The name of the secret that opens the storage.")]
StoragePath = Annotated[Text, note("Where the model lies in the storage that `storageKey` opens.")]

# Lists
NextPageToken = Annotated[str, note("Give it back as `nextPageToken` for the next page; empty on the last.")]
PageSize = Annotated[int, note("The page size that was asked for; 0 when none was.", format="int32")]
Size = Annotated[int, note("How many items this page has.", format="int32")]
