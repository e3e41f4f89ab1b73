"""The chart in a real cluster: `make cluster-test` runs parts/ on whatever KUBECONFIG names."""
