"""Compiles a pipeline around the component.yaml beside this file; prints it as JSON."""

import json
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import yaml
from kfp import compiler, components, dsl

text = Path(__file__).with_name("component.yaml").read_text()
component = components.load_component_from_text(text.replace("N: 1", 'N: "1"'))


@dsl.pipeline(name="around")
def around(given: dsl.Input[dsl.Dataset], s: str):
    made = component(in_put=s, d={"a": 1}, data=given, any=given, weird=given)
    component(in_put=made.outputs["out_put"], d={}, data=made.outputs["out_data"], any=given, weird=given)


with tempfile.TemporaryDirectory() as directory:
    path = str(Path(directory) / "out.yaml")
    compiler.Compiler().compile(around, path)
    json.dump(list(yaml.safe_load_all(Path(path).read_text())), sys.stdout)
