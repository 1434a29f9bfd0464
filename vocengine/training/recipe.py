"""What a training run is made of: a YAML file, checked before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vocengine.errors import SettingsError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskRecipe(_Part):
    """How much one task counts: `weight` of its loss, `repeats` of its texts in an epoch (0.5: half of them), `teacher`
    of what the teacher says of them, where its labels know better; labels rarer than the median one count more, by the
    power `rare` of how much rarer they are (0: all alike)."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    repeats: Annotated[float, Field(gt=0)] = 1.0
    teacher: Annotated[float, Field(ge=0)] = 1.0
    rare: Annotated[float, Field(ge=0, le=1)] = 0.0


# In the order in which a run reads them. `spans` trains the sentiment head on pooled clauses and terms; `unlabelled`
# texts have the teacher's opinions alone.
Task = Literal[
    "sentiment",
    "emotions",
    "tweet_emotion",
    "spans",
    "intents",
    "effort",
    "unlabelled",
    "nuances",
    "nuance_clauses",
]
TASKS: tuple[Task, ...] = get_args(Task)


class TeacherRecipe(_Part):
    """Distillation (Hinton et al. 2015): every text is also taught what the teacher says of it, by every head of its.

    `weight` is of the teacher's opinion, `own` of the labels where there is a teacher.
    """

    weight: Annotated[float, Field(gt=0)] = 1.0
    own: Annotated[float, Field(gt=0)] = 0.5
    temperature: Annotated[float, Field(gt=0)] = 1.0


class OptimizerRecipe(_Part):
    """AdamW with a linear warm-up and a linear fall to zero."""

    encoder_rate: Annotated[float, Field(gt=0)] = 1.5e-4
    head_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.06
    clip_norm: Annotated[float, Field(gt=0)] = 1.0


class KeepRecipe(_Part):
    """The loss that keeps the embedding: cosine to the base's, and the in-batch similarities."""

    weight: Annotated[float, Field(ge=0)] = 20.0
    similarity_weight: Annotated[float, Field(ge=0)] = 5.0


class Recipe(_Part):
    """Everything that decides the outcome of a run, but for the order in which a processor adds."""

    name: str
    version: str
    languages: tuple[str, ...] = ("en",)
    # What is trained: the encoder that ships, or the larger one that it learns from.
    base: Literal["all-MiniLM-L6-v2", "all-mpnet-base-v2"] = "all-MiniLM-L6-v2"
    seed: int = 0
    epochs: Annotated[float, Field(gt=0)] = 2.0
    batch_texts: Annotated[int, Field(ge=2)] = 64
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 96
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    tasks: dict[Task, TaskRecipe] = Field(
        default={
            "sentiment": TaskRecipe(),
            "emotions": TaskRecipe(weight=7.0),
            "tweet_emotion": TaskRecipe(repeats=3),
            "spans": TaskRecipe(weight=0.5, repeats=2),
        },
        min_length=1,
    )
    optimizer: OptimizerRecipe = OptimizerRecipe()
    keep: KeepRecipe = KeepRecipe()
    teacher: TeacherRecipe | None = None
    # Whether training begins with an earlier training's weights (`train --with`) and not with the base's.
    goes_on: bool = False
    # The share of this training's weights where they are averaged with an earlier training's (`export --with`).
    own_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    # How evenly sentiment is spread among customers: 0 as among the texts that train it, 1 equally.
    evenness: Annotated[float, Field(ge=0, le=1)] = 0.0
    # Texts of each split to read, for a quick trial; null reads all.
    limit_texts: Annotated[int, Field(ge=8)] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    @model_validator(mode="after")
    def _only_a_teacher_speaks_of_unlabelled_texts(self) -> Self:
        if "unlabelled" in self.tasks and self.teacher is None:
            raise ValueError("the task unlabelled needs a teacher")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; raises SettingsError that names the field and the value."""
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"recipe {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"recipe {path} is not valid YAML: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise SettingsError(f"{field} of {path} is {fault.get('input')!r}: {fault['msg'].lower()}") from None
