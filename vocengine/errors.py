"""Every error that vocengine raises on purpose.

VocengineError
├── SettingsError            a setting or profile is wrong (names the setting and the value)
├── InputError               something a user handed over cannot be read
│   ├── MappingError         a source mapping is wrong
│   ├── SourceError          an input file is missing, damaged or of an unknown format
│   ├── TaxonomyError        a taxonomy is wrong (names the topic, the field and the value)
│   ├── PolicyError          an alert policy is wrong (names the file, the policy, the field and the value)
│   └── RouteError           a notification route is wrong (names the route and the field, never a secret)
├── ModelError               a model folder cannot be used
│   ├── ModelMissing         nothing there, or the base weights are not installed
│   └── ModelDamaged         the bytes do not match their digest, or cannot be read
├── StoreError               the database
│   ├── StoreUnavailable     cannot be reached now; worth trying again
│   ├── SchemaOutdated       `vocengine db upgrade` is needed
│   └── StaleMember          another member has taken over this partition; start again from its position
├── StreamError              the broker
│   ├── BrokerUnavailable    cannot be reached now; worth trying again
│   └── TopicsMissing        `vocengine streams apply` is needed
├── RegistryError            a topic operation that makes no sense (too few spans, merge into itself)
│   └── TopicUnknown         there is no topic of that id
├── CaseError                a change of a case that its state, or another's change, forbids
│   └── CaseUnknown          there is no case, or no initiative, of that id
├── NotificationError        a notification is not there, or not in a state to be sent again
└── EditsOff                 topics and cases are not to be edited by the API (web.edits)

A record that is wrong is not an exception: it is a value (`contracts.Rejected`) that flows to the dead letters.
"""

from __future__ import annotations


class VocengineError(Exception):
    """Base of all errors raised on purpose; its text is one sentence a user can act on."""


class SettingsError(VocengineError):
    """A setting or profile is wrong."""


class InputError(VocengineError):
    """Something that a user handed over cannot be read."""


class MappingError(InputError):
    """A source mapping is wrong."""


class SourceError(InputError):
    """An input file is missing, damaged or of an unknown format."""


class TaxonomyError(InputError):
    """A taxonomy is wrong."""


class PolicyError(InputError):
    """An alert policy is wrong, or two of them contradict each other."""


class RouteError(InputError):
    """A notification route is wrong."""


class ModelError(VocengineError):
    """A model folder cannot be used."""


class ModelMissing(ModelError):
    """No model there, or its base weights are not installed."""


class ModelDamaged(ModelError):
    """The bytes do not match their digest, or cannot be read."""


class StoreError(VocengineError):
    """The database refused."""


class StoreUnavailable(StoreError):
    """The database cannot be reached now; worth trying again."""


class SchemaOutdated(StoreError):
    """The database schema is missing or old: `vocengine db upgrade`."""


class StaleMember(StoreError):
    """Another member has moved this partition on; give up the work and start from the stored position."""


class StreamError(VocengineError):
    """The broker refused."""


class BrokerUnavailable(StreamError):
    """The broker cannot be reached now; worth trying again."""


class TopicsMissing(StreamError):
    """The Kafka topics do not exist: `vocengine streams apply`."""


class RegistryError(VocengineError):
    """A topic operation that makes no sense: unknown id, too few spans, merge into itself."""


class TopicUnknown(RegistryError):
    """There is no topic of that id."""


class CaseError(VocengineError):
    """A change of a case or an initiative that makes no sense as things stand."""


class CaseUnknown(CaseError):
    """There is no case, or no initiative, of that id."""


class NotificationError(VocengineError):
    """There is no notification of that id, or it is in no state to be sent again."""


class EditsOff(VocengineError):
    """Topics and cases are not to be edited by the API: `web.edits` is off."""
