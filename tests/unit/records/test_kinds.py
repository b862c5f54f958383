from modelyard.records.kinds import Kind
from modelyard.store.database import IdSequence


def test_the_numbers_that_are_stored_never_change() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "MODEL": 1,
        "VERSION": 2,
        "EXPERIMENT": 3,
        "RUN": 4,
        "ENVIRONMENT": 5,
        "SERVICE": 6,
        "ARTIFACT": 7,
        "METRIC_POINT": 8,
        "SERVE": 9,
        "PRINCIPAL": 20,
        "TOKEN": 21,
        "GRANT": 22,
        "PROJECT": 23,
    }


def test_every_kind_has_words_and_a_sequence() -> None:
    assert len({kind.label for kind in Kind}) == len(Kind)
    assert {kind for kind in Kind if kind.sequence is IdSequence.ACCESS} == {Kind.PRINCIPAL, Kind.TOKEN, Kind.GRANT, Kind.PROJECT}
    assert {kind for kind in Kind if kind.sequence in (IdSequence.ARTIFACT, IdSequence.SERVE)} == {
        Kind.ARTIFACT,
        Kind.METRIC_POINT,
        Kind.SERVE,
    }
