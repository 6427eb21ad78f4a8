"""The model registry: an alias moves only to a version whose verdict, computed again, passes.

`verify` is what code that serves a model calls before it loads one; it needs MLflow, but neither
params.yaml nor DVC.
"""
