"""Topics: discovered on a sample, kept in a registry, assigned to spans as a stream."""
