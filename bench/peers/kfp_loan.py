"""The compiled loan pipeline with kfp.local, without environments per task.

python kfp_loan.py SPEC.yaml LOANS.csv
"""

import json
import sys

from kfp import components, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[3], raise_on_error=True)
job = components.load_component_from_file(sys.argv[1])
task = job(data_path=sys.argv[2])
print(json.dumps(task.outputs))
