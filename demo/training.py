"""Trains small neural networks to tell benign tumours from malignant ones, on the data that scikit-learn brings along."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7
EPOCHS = 15
BATCH = 32

# A skops file runs no code when it is loaded: it names the types it needs, and whoever loads it names those they trust.
TRUSTED = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)


class Setting(NamedTuple):
    """What one training tries."""

    name: str
    hidden_units: int
    learning_rate: float


GRID = (
    Setting("too-small", 2, 0.003),
    Setting("careful", 8, 0.003),
    Setting("brisk", 8, 0.03),
    Setting("too-eager", 32, 0.01),
)


class Scores(NamedTuple):
    """How well a classifier does; all are fractions but the log-loss, which is better the nearer to 0 it is."""

    accuracy: float
    f1: float
    log_loss: float


class Patients(NamedTuple):
    """The data in three parts: to learn from, to watch while learning, and kept unseen to the end."""

    learn: tuple[Any, Any]
    watch: tuple[Any, Any]
    unseen: tuple[Any, Any]

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self.learn[1]), len(self.watch[1]), len(self.unseen[1])


def patients() -> Patients:
    rows, labels = load_breast_cancer(return_X_y=True)
    seen, unseen, seen_labels, unseen_labels = train_test_split(rows, labels, test_size=0.25, random_state=SEED, stratify=labels)
    learn, watch, learn_labels, watch_labels = train_test_split(seen, seen_labels, test_size=0.25, random_state=SEED, stratify=seen_labels)
    return Patients((learn, learn_labels), (watch, watch_labels), (unseen, unseen_labels))


class Training:
    """One network while it learns. `model` takes raw measurements: scaling them is its first step."""

    def __init__(self, setting: Setting, data: Patients) -> None:
        self._data = data
        scaler = StandardScaler().fit(data.learn[0])
        self._rows = scaler.transform(data.learn[0])
        self._network = MLPClassifier(
            (setting.hidden_units,), learning_rate_init=setting.learning_rate, batch_size=BATCH, random_state=SEED
        )
        self.model = make_pipeline(scaler, self._network)

    def epochs(self) -> Iterator[Scores]:
        """Learn from all patients once, then again, ...; after each epoch, the scores on those to watch."""
        for _ in range(EPOCHS):
            self._network.partial_fit(self._rows, self._data.learn[1], classes=[0, 1])
            yield scores(self.model, *self._data.watch)

    @property
    def weights(self) -> int:
        return sum(part.size for part in (*self._network.coefs_, *self._network.intercepts_))


def scores(model: Any, rows: Any, labels: Any) -> Scores:
    chances = model.predict_proba(rows)[:, 1]
    guesses = chances > 0.5
    return Scores(float(accuracy_score(labels, guesses)), float(f1_score(labels, guesses)), float(log_loss(labels, chances)))


def save(model: Any, path: Path) -> bytes:
    """Write the model to a file; returns what is in it."""
    content: bytes = skops.io.dumps(model)
    path.write_bytes(content)
    return content


def load(content: bytes) -> Any:
    """The model of a saved file. Raises skops' error when the file needs a type that is not in `TRUSTED`."""
    return skops.io.load(io.BytesIO(content), trusted=list(TRUSTED))
