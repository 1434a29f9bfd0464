"""One script for each figure that is stated; run from the root of the repository: `python -m benchmarks.stream`."""
