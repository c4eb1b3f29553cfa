"""What every domain value is made of: frozen models that refuse unknown fields."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value; a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
