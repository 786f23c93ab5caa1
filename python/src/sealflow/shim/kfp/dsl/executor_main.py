"""`python -m kfp.dsl.executor_main`: the command of Kubeflow's lightweight components."""

import argparse
import json

from sealflow.executor import Invocation
from sealflow.sources import load_function


def executor_main() -> None:
    """Runs the component named on the command line; arguments it does not know are ignored."""
    parser = argparse.ArgumentParser(description="Runs a Kubeflow Pipelines component.")
    parser.add_argument("--component_module_path", required=True)
    parser.add_argument("--function_to_execute", required=True)
    parser.add_argument("--executor_input", required=True)
    options, _ = parser.parse_known_args()
    function = load_function(options.component_module_path, options.function_to_execute)
    Invocation(function, json.loads(options.executor_input)).run()


if __name__ == "__main__":
    executor_main()
