"""The chart in a real cluster: `make cluster-test` runs suite.py on whatever KUBECONFIG names."""
