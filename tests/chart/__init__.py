"""Static proof of the Helm chart: rendered, validated and held to the code, without a cluster."""
