"""The demo: sample feedback of a fictitious retailer with planted incidents, through the real stream."""
