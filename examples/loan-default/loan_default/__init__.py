"""The work of the loan-default steps, on values in memory; `steps.py` adds the files between them."""
