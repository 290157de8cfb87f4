"""What the house says of itself: logs, metrics, traces."""
