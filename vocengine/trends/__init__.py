"""What moves over time: which keys an event touches, and how sure a change of their mean is."""
