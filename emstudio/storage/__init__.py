"""Documents on disk: fits, labels and traces are written complete or not at all, models and starts are read with care."""

from emstudio.storage.documents import (
    decoded,
    fit_document,
    json_text,
    labels_csv,
    model_document,
    responsibilities,
    trace_csv,
)
from emstudio.storage.outputs import STDOUT, Outputs, check_target, write
from emstudio.storage.reading import ModelFile, named, read_labels, read_model, read_params, start_labels
from emstudio.storage.recipe import Course, OneRun, Recipe, Result, Several, Steps
from emstudio.storage.script import python_script

__all__ = [
    "STDOUT",
    "Course",
    "ModelFile",
    "OneRun",
    "Outputs",
    "Recipe",
    "Result",
    "Several",
    "Steps",
    "check_target",
    "decoded",
    "fit_document",
    "json_text",
    "labels_csv",
    "model_document",
    "named",
    "python_script",
    "read_labels",
    "read_model",
    "read_params",
    "responsibilities",
    "start_labels",
    "trace_csv",
    "write",
]
